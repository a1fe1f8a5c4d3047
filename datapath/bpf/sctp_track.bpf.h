/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One SCTP packet and the association that it belongs to: nf_conntrack_sctp_packet()
 * (net/netfilter/nf_conntrack_proto_sctp.c). Its chunks are walked twice, once for what they are
 * and once for what they do; verification tags tell who may do it (RFC 9260 section 8.5).
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "verified_once.bpf.h"

#define SCTP_HEADER 12
#define SCTP_INIT_HEADER 20 /* of the chunk, and of INIT ACK */
#define SCTP_CHUNKS_MAX 4096
#define SCTP_TAG_IS_REFLECTED 1 /* flag T of ABORT and SHUTDOWN COMPLETE */

enum sctp_chunk_type {
	SCTP_DATA = 0,
	SCTP_INIT,
	SCTP_INIT_ACK,
	SCTP_SACK,
	SCTP_HEARTBEAT,
	SCTP_HEARTBEAT_ACK,
	SCTP_ABORT,
	SCTP_SHUTDOWN,
	SCTP_SHUTDOWN_ACK,
	SCTP_ERROR,
	SCTP_COOKIE_ECHO,
	SCTP_COOKIE_ACK,
	SCTP_SHUTDOWN_COMPLETE = 14,
	SCTP_CHUNK_TYPES = 16,
};

enum sctp_state {
	SCTP_NONE = 0,
	SCTP_CLOSED,
	SCTP_COOKIE_WAIT,
	SCTP_COOKIE_ECHOED,
	SCTP_ESTABLISHED,
	SCTP_SHUTDOWN_SENT,
	SCTP_SHUTDOWN_RECEIVED,
	SCTP_SHUTDOWN_ACK_SENT,
	SCTP_HEARTBEAT_SENT,
	SCTP_STATE_COUNT,
	SCTP_INVALID = 15,
};

/* clang-format off */

/* The next state: [from the server][chunk][present state]; chunks without a row change none. */
static const __u8 sctp_transitions[2][SCTP_CHUNK_TYPES][16] = {
	{
		[SCTP_INIT] = {1, 1, 2, 3, 4, 1, 1, 7, 2},
		[SCTP_INIT_ACK] = {1, 1, 2, 3, 4, 5, 6, 7, 1},
		[SCTP_HEARTBEAT] = {8, 1, 2, 3, 4, 5, 6, 7, 8},
		[SCTP_HEARTBEAT_ACK] = {1, 1, 2, 3, 4, 5, 6, 7, 8},
		[SCTP_ABORT] = {1, 1, 1, 1, 1, 1, 1, 1, 1},
		[SCTP_SHUTDOWN] = {1, 1, 2, 3, 5, 5, 6, 7, 1},
		[SCTP_SHUTDOWN_ACK] = {7, 1, 2, 3, 4, 7, 7, 7, 7},
		[SCTP_ERROR] = {1, 1, 2, 3, 4, 5, 6, 7, 1},
		[SCTP_COOKIE_ECHO] = {1, 1, 3, 3, 4, 5, 6, 7, 1},
		[SCTP_COOKIE_ACK] = {1, 1, 2, 4, 4, 5, 6, 7, 1},
		[SCTP_SHUTDOWN_COMPLETE] = {1, 1, 2, 3, 4, 5, 6, 1, 1},
	},
	{
		[SCTP_INIT] = {15, 1, 2, 3, 4, 5, 6, 7, 15},
		[SCTP_INIT_ACK] = {15, 2, 2, 3, 4, 5, 6, 7, 15},
		[SCTP_HEARTBEAT] = {15, 1, 2, 3, 4, 5, 6, 7, 8},
		[SCTP_HEARTBEAT_ACK] = {15, 1, 2, 3, 4, 5, 6, 7, 4},
		[SCTP_ABORT] = {15, 1, 1, 1, 1, 1, 1, 1, 15},
		[SCTP_SHUTDOWN] = {15, 1, 2, 3, 6, 5, 6, 7, 15},
		[SCTP_SHUTDOWN_ACK] = {15, 1, 2, 3, 4, 7, 7, 7, 15},
		[SCTP_ERROR] = {15, 1, 2, 1, 4, 5, 6, 7, 15},
		[SCTP_COOKIE_ECHO] = {15, 1, 3, 3, 4, 5, 6, 7, 15},
		[SCTP_COOKIE_ACK] = {15, 1, 2, 4, 4, 5, 6, 7, 15},
		[SCTP_SHUTDOWN_COMPLETE] = {15, 1, 2, 3, 4, 5, 6, 1, 15},
	},
};

/* clang-format on */

#define SCTP_TYPES_THAT_CHANGE                                                                     \
	(1 << SCTP_INIT | 1 << SCTP_INIT_ACK | 1 << SCTP_HEARTBEAT | 1 << SCTP_HEARTBEAT_ACK |     \
	 1 << SCTP_ABORT | 1 << SCTP_SHUTDOWN | 1 << SCTP_SHUTDOWN_ACK | 1 << SCTP_ERROR |         \
	 1 << SCTP_COOKIE_ECHO | 1 << SCTP_COOKIE_ACK | 1 << SCTP_SHUTDOWN_COMPLETE)
/* Chunks with rules of their own for the tag. */
#define SCTP_TYPES_WITH_TAG_RULES                                                                  \
	(1 << SCTP_INIT | 1 << SCTP_SHUTDOWN_COMPLETE | 1 << SCTP_COOKIE_ECHO | 1 << SCTP_ABORT |  \
	 1 << SCTP_SHUTDOWN_ACK | 1 << SCTP_HEARTBEAT | 1 << SCTP_HEARTBEAT_ACK)
#define SCTP_TYPES_OF_NO_NEW_FLOW                                                                  \
	(1 << SCTP_ABORT | 1 << SCTP_SHUTDOWN_COMPLETE | 1 << SCTP_COOKIE_ACK)
#define SCTP_TYPES_ALONE (1 << SCTP_INIT | 1 << SCTP_INIT_ACK | 1 << SCTP_SHUTDOWN_COMPLETE)
#define SCTP_TYPES_FIRST (1 << SCTP_COOKIE_ACK | 1 << SCTP_COOKIE_ECHO)

/* Seconds; net.netfilter.nf_conntrack_sctp_timeout_*. */
static const __u32 sctp_timeouts[16] = {
	[SCTP_CLOSED] = 10,	      [SCTP_COOKIE_WAIT] = 3,	  [SCTP_COOKIE_ECHOED] = 3,
	[SCTP_ESTABLISHED] = 210,     [SCTP_SHUTDOWN_SENT] = 3,	  [SCTP_SHUTDOWN_RECEIVED] = 3,
	[SCTP_SHUTDOWN_ACK_SENT] = 3, [SCTP_HEARTBEAT_SENT] = 30,
};

struct sctp_chunk {
	__u8 type;
	__u8 flags;
	__be16 length;
	__be32 tag; /* of INIT and INIT ACK */
};

/* What the walks' callbacks work on; the rest of the walk has no room on the stack. */
struct sctp_context {
	frame_t *frame;
	struct flow *state;
	struct sctp_walk *walk;
};

static __always_inline __u32 sctp_type_bit(__u8 type)
{
	return type < SCTP_CHUNK_TYPES ? 1u << type : 0;
}

/* The chunk's own four bytes, and the tag behind them where it has one. 0 at the end of all. */
static __always_inline int sctp_chunk_at(const struct sctp_context *context,
					 struct sctp_chunk *chunk)
{
	const struct sctp_walk *walk = context->walk;

	chunk->tag = 0;
	if (walk->at + 4 > walk->end || frame_load(context->frame, walk->at, chunk, 4))
		return 0;
	return 1;
}

static __always_inline void sctp_next_chunk(struct sctp_walk *walk, const struct sctp_chunk *chunk)
{
	walk->at += (bpf_ntohs(chunk->length) + 3) & ~3u;
}

static long sctp_survey_chunk(__u32 index, void *data)
{
	const struct sctp_context *context = data;
	struct sctp_walk *walk = context->walk;
	struct sctp_chunk chunk;
	__u32 bit;

	if (!sctp_chunk_at(context, &chunk))
		return 1;
	bit = sctp_type_bit(chunk.type);
	if (bit & SCTP_TYPES_ALONE)
		walk->alone = 1;
	if (!chunk.length || (index && (walk->alone || bit & SCTP_TYPES_FIRST))) {
		walk->invalid = 1;
		return 1;
	}
	/* Only chunks that change the state of a flow may start one. */
	if (walk->starts && !(bit & SCTP_TYPES_THAT_CHANGE))
		walk->invalid = 1;
	walk->types |= bit | 1u << 31;
	sctp_next_chunk(walk, &chunk);
	return 0;
}

/* INIT and INIT ACK say which tag the other side is to use. */
static __always_inline int sctp_load_tag(const struct sctp_context *context,
					 struct sctp_chunk *chunk)
{
	const struct sctp_walk *walk = context->walk;

	return walk->at + SCTP_INIT_HEADER <= walk->end &&
	       !frame_load(context->frame, walk->at + 4, &chunk->tag, sizeof(chunk->tag));
}

/* Heartbeats try other paths: their tags are learned, and one failure is forgiven. */
static __always_inline int sctp_judge_heartbeat(struct sctp_walk *walk, struct flow *state,
						__be32 *own, __be32 *other, int is_answer)
{
	__u8 last = walk->direction ? SCTP_FLOW_LAST_FROM_SERVER : 0;

	if (!*own) {
		*own = walk->tag;
		return 1;
	}
	if (walk->tag == *own) {
		state->sctp_flags &= ~SCTP_FLOW_HEARTBEAT_FAILED;
		return 1;
	}
	if (walk->types & 1 << SCTP_DATA || walk->keeps_time)
		return 0;
	if (!is_answer) {
		state->sctp_flags &= ~SCTP_FLOW_LAST_FROM_SERVER;
		state->sctp_flags |= SCTP_FLOW_HEARTBEAT_FAILED | last;
		walk->keeps_time = 1;
		return 2;
	}
	if (!(state->sctp_flags & SCTP_FLOW_HEARTBEAT_FAILED) ||
	    (state->sctp_flags & SCTP_FLOW_LAST_FROM_SERVER) == last)
		return 0;
	state->sctp_flags &= ~SCTP_FLOW_HEARTBEAT_FAILED;
	*own = walk->tag;
	*other = 0;
	return 1;
}

/* Whether the tag of the packet is right for this chunk; 2: and nothing more is to come of it. */
static __always_inline int sctp_judge_tag(struct sctp_walk *walk, struct flow *state,
					  const struct sctp_chunk *chunk, __be32 *own,
					  __be32 *other)
{
	switch (chunk->type) {
	case SCTP_INIT:
		return !walk->tag;
	case SCTP_ABORT:
	case SCTP_SHUTDOWN_COMPLETE:
		return walk->tag == (chunk->flags & SCTP_TAG_IS_REFLECTED ? *other : *own);
	case SCTP_COOKIE_ECHO:
		return walk->tag == *own;
	case SCTP_COOKIE_ACK:
		state->sctp_flags &= ~(SCTP_FLOW_INIT_BY_CLIENT | SCTP_FLOW_INIT_BY_SERVER);
		return 1;
	case SCTP_HEARTBEAT:
		return sctp_judge_heartbeat(walk, state, own, other, 0);
	case SCTP_HEARTBEAT_ACK:
		return sctp_judge_heartbeat(walk, state, own, other, 1);
	}
	return 1;
}

/* INIT and INIT ACK, also when both sides begin at once. */
static __always_inline int sctp_take_tag(struct sctp_walk *walk, struct flow *state,
					 const struct sctp_chunk *chunk, __be32 *other)
{
	__u8 mine = walk->direction ? SCTP_FLOW_INIT_BY_SERVER : SCTP_FLOW_INIT_BY_CLIENT;
	__u8 theirs = walk->direction ? SCTP_FLOW_INIT_BY_CLIENT : SCTP_FLOW_INIT_BY_SERVER;

	if (chunk->type == SCTP_INIT) {
		/* With a tag that is known it says nothing new. */
		if (walk->starts || *other != chunk->tag) {
			if (state->sctp_flags & mine)
				state->sctp_flags &= ~theirs;
			state->sctp_flags |= mine;
		}
	} else if (*other != chunk->tag) {
		if (!(state->sctp_flags & theirs) ? *other != 0 : state->sctp_flags & mine)
			return 0;
	}
	*other = chunk->tag;
	return 1;
}

static long sctp_apply_chunk(__u32 index __attribute__((unused)), void *data)
{
	const struct sctp_context *context = data;
	struct sctp_walk *walk = context->walk;
	struct flow *state = context->state;
	__u8 direction = walk->direction & 1, old = state->sctp_state & 15;
	__be32 *own = &state->sctp_tags[direction], *other = &state->sctp_tags[!direction];
	struct sctp_chunk chunk;
	int judged;

	if (!sctp_chunk_at(context, &chunk))
		return 1;
	walk->invalid = 1;
	judged = sctp_judge_tag(walk, state, &chunk, own, other);
	if (!judged)
		return 1;
	if (judged == 2) {
		walk->invalid = 0;
		sctp_next_chunk(walk, &chunk);
		return 0;
	}
	walk->next = old;
	if (sctp_type_bit(chunk.type) & SCTP_TYPES_THAT_CHANGE)
		walk->next = sctp_transitions[direction][chunk.type & 15][old];
	if (walk->next == SCTP_INVALID)
		return 1;
	if (chunk.type == SCTP_INIT || chunk.type == SCTP_INIT_ACK) {
		if (!sctp_load_tag(context, &chunk) || !sctp_take_tag(walk, state, &chunk, other))
			return 1;
		/* An INIT sent again and again does not keep a flow. */
		if (chunk.type == SCTP_INIT && !walk->starts && old == SCTP_CLOSED &&
		    walk->next == SCTP_CLOSED)
			walk->keeps_time = 1;
	}
	state->sctp_state = walk->next;
	walk->invalid = 0;
	sctp_next_chunk(walk, &chunk);
	return 0;
}

/* Out of the blue: what the tag of the packet says of later ones. */
static __always_inline void sctp_first_tag(const struct sctp_walk *walk, struct flow *state)
{
	if (walk->types & 1 << SCTP_INIT)
		return;
	if (walk->types & 1 << SCTP_HEARTBEAT)
		state->sctp_tags[0] = walk->tag;
	if (walk->types & 1 << SCTP_SHUTDOWN_ACK)
		state->sctp_tags[1] = walk->tag;
}

/* What the first fragment of a datagram found, whose chunks can be walked there alone. */
static __always_inline int settle_sctp(const struct packet *packet, struct flow *state, int reply)
{
	const struct fragmented *datagram = &packet->fragments;

	state->sctp_state = datagram->sctp_state;
	state->sctp_flags = datagram->sctp_flags;
	state->sctp_tags[0] = datagram->sctp_tags[0];
	state->sctp_tags[1] = datagram->sctp_tags[1];
	if (datagram->sctp_seconds)
		state->expires = packet->now + datagram->sctp_seconds * SECOND;
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

/* How long a packet is of which only the first bytes are there, as its last chunk says; 0: nobody
 * knows, for they end where a chunk does. */
#define sctp_foreseen_length BY_FRAME(sctp_foreseen_length)
VERIFIED_ONCE __u32 sctp_foreseen_length(frame_t *frame, __u32 transport, __u32 end)
{
	struct sctp_walk walk = {.at = transport + SCTP_HEADER, .end = end};
	struct sctp_context context = {.frame = frame, .walk = &walk};

	bpf_loop(SCTP_CHUNKS_MAX, sctp_survey_chunk, &context, 0);
	return walk.at > end ? walk.at - transport : 0;
}

static __noinline int track_sctp(frame_t *frame, struct packet *packet, struct flow *state,
				 int reply, int starts)
{
	struct sctp_walk *walk = &packet->sctp_walk;
	struct sctp_context context = {.frame = frame, .state = state, .walk = walk};
	__u32 first = packet->headers.transport + SCTP_HEADER;

	if (packet->headers.fragment == FRAGMENT_LATER)
		return settle_sctp(packet, state, reply);
	__builtin_memset(walk, 0, sizeof(*walk));
	walk->at = first;
	walk->end = packet->headers.end;
	walk->tag = packet->sctp_tag;
	walk->direction = reply;
	walk->starts = starts;
	bpf_loop(SCTP_CHUNKS_MAX, sctp_survey_chunk, &context, 0);
	if (walk->invalid || !walk->types || (starts && walk->types & SCTP_TYPES_OF_NO_NEW_FLOW))
		return TRACK_INVALID;
	if (starts)
		sctp_first_tag(walk, state);
	if (state->sctp_flags & SCTP_FLOW_RESUMED && !state->sctp_tags[reply & 1])
		state->sctp_tags[reply & 1] = walk->tag;
	if (!(walk->types & SCTP_TYPES_WITH_TAG_RULES) && walk->tag != state->sctp_tags[reply & 1])
		return TRACK_INVALID;
	walk->at = first;
	bpf_loop(SCTP_CHUNKS_MAX, sctp_apply_chunk, &context, 0);
	if (walk->invalid)
		return TRACK_INVALID;
	if (!walk->keeps_time)
		state->expires = packet->now + sctp_timeouts[walk->next & 15] * SECOND;
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}
