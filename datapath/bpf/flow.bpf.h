/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connection tracking: finding the flow of a packet, what the packet does to it, and its end.
 * Entries leave the map when their time is over: on the way past, or by control's collection. They
 * are never evicted, since half a flow would be worse than none.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "tcp_state.bpf.h"
#include "tuple.bpf.h"

#define SECOND 1000000000ull
#define UDP_TIMEOUT (30 * SECOND)
#define UDP_STREAM_TIMEOUT (120 * SECOND)
#define UDP_STREAM_AGE (2 * SECOND)

enum track_result {
	TRACK_OK = 0,
	TRACK_NEW, /* the flow was over: this packet starts another */
	TRACK_INVALID, /* not part of the flow; it is not translated */
};

static __always_inline void flow_original_key(struct tuple *key, const struct flow *flow,
					      const struct tuple *like)
{
	tuple_between(key, &flow->client, &flow->frontend, like);
}

static __always_inline void flow_reply_key(struct tuple *key, const struct flow *flow,
					   const struct tuple *like)
{
	tuple_between(key, &flow->backend, &flow->source, like);
}

/* Between the hooks a packet has its own source address and the final port. */
static __always_inline void flow_inside_key(struct tuple *key, const struct flow *flow,
					    const struct tuple *like)
{
	tuple_between(key, &flow->client, &flow->backend, like);
	key->source_port = flow->source.port;
	key->space = TUPLE_SPACE_INSIDE;
}

static __always_inline void flow_remove_key(const struct tuple *key, __u64 id)
{
	const struct flow *entry = bpf_map_lookup_elem(&flows, key);

	if (entry && entry->id == id)
		bpf_map_delete_elem(&flows, key);
}

/* All entries, the one with the state last. `flow` may be one of them. */
static __noinline void flow_remove(const struct flow *flow, struct packet *packet,
				   const struct tuple *like)
{
	struct flow *leaving = &packet->leaving;
	struct tuple *key = &packet->key;
	struct tuple reversed;

	__builtin_memcpy(leaving, flow, sizeof(*leaving));
	flow_reply_key(key, leaving, like);
	flow_remove_key(key, leaving->id);
	if (leaving->flags & FLOW_SOURCE_ADDRESS_CHANGES) {
		flow_inside_key(key, leaving, like);
		flow_remove_key(key, leaving->id);
		tuple_reverse(&reversed, key);
		flow_remove_key(&reversed, leaving->id);
	}
	flow_original_key(key, leaving, like);
	flow_remove_key(key, leaving->id);
}

/* The live flow that owns a tuple, and in `state` the entry that keeps its state. Removes a flow
 * that is over, or that lost its state; one that another processor is just entering has none. */
static __always_inline struct flow *flow_find(const struct tuple *tuple, struct packet *packet,
					      struct flow **state)
{
	struct flow *entry = bpf_map_lookup_elem(&flows, tuple);
	struct flow *original = entry;

	if (!entry)
		return 0;
	if (entry->role != FLOW_ORIGINAL) {
		flow_original_key(&packet->key, entry, tuple);
		original = bpf_map_lookup_elem(&flows, &packet->key);
		if (!original && packet->now < entry->created + SECOND)
			return 0;
	}
	if (original && original->id == entry->id && packet->now < original->expires) {
		*state = original;
		return entry;
	}
	flow_remove(entry, packet, tuple);
	return 0;
}

static __always_inline int track_udp(struct packet *packet, struct flow *state, int reply)
{
	__u64 timeout = UDP_TIMEOUT;

	if (state->status & FLOW_SEEN_REPLY && packet->now > state->created + UDP_STREAM_AGE) {
		timeout = UDP_STREAM_TIMEOUT;
		state->status |= FLOW_STREAM;
	}
	state->expires = packet->now + timeout;
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

static __always_inline void tcp_note_last(struct flow *state, __u8 event, __u8 direction)
{
	state->tcp_last_event = event;
	if (direction == TCP_FROM_CLIENT)
		state->status |= FLOW_LAST_FROM_CLIENT;
	else
		state->status &= ~FLOW_LAST_FROM_CLIENT;
}

static __always_inline int is_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* What the segment tells of both ends (tcp_in_window(), without the windows). */
static __always_inline void tcp_note_sequence(struct tcp_end *sender, struct tcp_end *receiver,
					      const struct tcp_segment *segment)
{
	__u32 end = segment->sequence + segment->payload_length;

	if (!(sender->flags & TCP_END_SEEN)) {
		sender->flags |= TCP_END_SEEN;
		sender->end = end;
	} else if (is_before(sender->end, end)) {
		sender->flags |= TCP_END_AWAITS_ACKNOWLEDGMENT;
		sender->end = end;
	}
	if (!(segment->flags & TCP_ACK))
		return;
	if (!(sender->flags & TCP_END_HAS_ACKNOWLEDGED) ||
	    is_before(sender->acknowledged, segment->acknowledgment))
		sender->acknowledged = segment->acknowledgment;
	sender->flags |= TCP_END_HAS_ACKNOWLEDGED;
	if (receiver->flags & TCP_END_SEEN && segment->acknowledgment == receiver->end)
		receiver->flags &= ~TCP_END_AWAITS_ACKNOWLEDGMENT;
}

/* A reset ends an established connection only with the number that the other side waits for: any
 * other is answered by a challenge (RFC 5961), or by nothing. */
static __always_inline __u8 tcp_judge_reset(const struct flow *state,
					    const struct tcp_end *receiver,
					    const struct tcp_segment *segment, int same_direction)
{
	int established = state->tcp_state == TCP_STATE_ESTABLISHED && state->status & FLOW_ASSURED;

	if (state->tcp_state >= TCP_STATE_FIN_WAIT && state->tcp_state <= TCP_STATE_CLOSED)
		return TCP_STATE_CLOSED;
	if (!(receiver->flags & TCP_END_HAS_ACKNOWLEDGED))
		return TCP_STATE_CLOSED;
	if (!segment->sequence && !established)
		return TCP_STATE_CLOSED;
	if (is_before(segment->sequence, receiver->acknowledged))
		return TCP_INVALID;
	if (!established || segment->sequence == receiver->acknowledged)
		return TCP_STATE_CLOSED;
	if (state->tcp_last_event == TCP_EVENT_ACK && same_direction &&
	    segment->sequence == state->tcp_last_end)
		return TCP_STATE_CLOSED;
	return state->tcp_state;
}

static __always_inline __u64 tcp_timeout(const struct flow *state)
{
	__u32 seconds = tcp_timeouts[state->tcp_state & 15];

	if ((state->tcp_ends[0].flags | state->tcp_ends[1].flags) & TCP_END_AWAITS_ACKNOWLEDGMENT &&
	    seconds > TCP_UNACKNOWLEDGED_TIMEOUT)
		seconds = TCP_UNACKNOWLEDGED_TIMEOUT;
	return seconds * SECOND;
}

/* A SYN, or the answer to one, that the state has no place for: the ends may know more. */
static __always_inline int track_ignored(struct packet *packet, struct flow *state, __u8 event,
					 __u8 direction)
{
	tcp_note_last(state, event, direction);
	state->tcp_last_end = packet->tcp.sequence + packet->tcp.payload_length;
	if (direction == TCP_FROM_SERVER)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

static __always_inline int track_tcp(struct packet *packet, struct flow *state, int reply)
{
	__u8 direction = reply ? TCP_FROM_SERVER : TCP_FROM_CLIENT;
	int same_direction = (state->status & FLOW_LAST_FROM_CLIENT ? 0 : 1) == reply;
	struct tcp_end *sender = &state->tcp_ends[direction & 1];
	struct tcp_end *receiver = &state->tcp_ends[!direction];
	__u8 event, old, next;

	if (packet->headers.fragment == FRAGMENT_LATER)
		return TRACK_OK;
	if (!packet->tcp.whole || !tcp_flags_are_valid(packet->tcp.flags))
		return TRACK_INVALID;
	event = tcp_event_of(packet->tcp.flags);
	old = state->tcp_state;
	next = tcp_next_state(direction, event, old);

	if (next == TCP_STATE_SYN_SENT && old >= TCP_STATE_TIME_WAIT) {
		/* A closed connection is opened again; after a reset by the other side only when
		 * that side answers. */
		if (state->status & FLOW_CLOSING ||
		    (same_direction && state->tcp_last_event == TCP_EVENT_RST))
			return TRACK_NEW;
		next = TCP_IGNORE;
	}
	if (next == TCP_IGNORE) {
		if (event != TCP_EVENT_SYN_ACK || state->tcp_last_event != TCP_EVENT_SYN ||
		    same_direction || packet->tcp.acknowledgment != state->tcp_last_end)
			return track_ignored(packet, state, event, direction);
		/* The answer to a SYN that was let through: the ends are in step. */
		state->status &= ~FLOW_CLOSING;
		receiver->end = state->tcp_last_end;
		receiver->flags = TCP_END_SEEN;
		sender->flags = 0;
		old = TCP_STATE_SYN_SENT;
		next = TCP_STATE_SYN_RECEIVED;
	} else if (event == TCP_EVENT_RST && next == TCP_STATE_CLOSED) {
		next = tcp_judge_reset(state, receiver, &packet->tcp, same_direction);
	}
	if (next == TCP_INVALID)
		return TRACK_INVALID;
	tcp_note_sequence(sender, receiver, &packet->tcp);
	if (event == TCP_EVENT_ACK)
		state->tcp_last_end = packet->tcp.sequence + packet->tcp.payload_length;
	tcp_note_last(state, event, direction);
	state->tcp_state = next;
	if (next == TCP_STATE_FIN_WAIT && old != next)
		state->status |= FLOW_CLOSING;
	if (!(state->status & FLOW_SEEN_REPLY) && event == TCP_EVENT_RST) {
		/* Refused, or given up before an answer: nothing is left of it. */
		state->expires = packet->now;
		return TRACK_OK;
	}
	if (state->status & FLOW_SEEN_REPLY && next == TCP_STATE_ESTABLISHED &&
	    (old == TCP_STATE_SYN_RECEIVED || old == TCP_STATE_ESTABLISHED))
		state->status |= FLOW_ASSURED;
	state->expires = packet->now + tcp_timeout(state);
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

static __always_inline int flow_track(struct packet *packet, struct flow *state, int reply)
{
	if (packet->tuple.protocol == IPPROTO_TCP)
		return track_tcp(packet, state, reply);
	return track_udp(packet, state, reply);
}

/* Whether a packet without a flow may start one; `flow` gets its first state. */
static __always_inline int flow_start(struct packet *packet, struct flow *flow)
{
	flow->created = packet->now;
	flow->status = 0;
	flow->tcp_state = TCP_STATE_NONE;
	flow->tcp_last_event = TCP_EVENT_NONE;
	flow->tcp_last_end = 0;
	flow->expires = packet->now + UDP_TIMEOUT;
	if (packet->tuple.protocol != IPPROTO_TCP)
		return 1;
	if (!packet->tcp.whole || !tcp_flags_are_valid(packet->tcp.flags))
		return 0;
	flow->tcp_last_event = tcp_event_of(packet->tcp.flags);
	flow->status = FLOW_LAST_FROM_CLIENT;
	flow->tcp_state = tcp_next_state(TCP_FROM_CLIENT, flow->tcp_last_event, TCP_STATE_NONE);
	if (flow->tcp_state >= TCP_STATE_COUNT)
		return 0;
	if (flow->tcp_state != TCP_STATE_SYN_SENT && !(node_settings.flags & SETTING_TCP_LOOSE))
		return 0;
	tcp_note_sequence(&flow->tcp_ends[0], &flow->tcp_ends[1], &packet->tcp);
	if (flow->tcp_last_event == TCP_EVENT_ACK)
		flow->tcp_last_end = flow->tcp_ends[0].end;
	flow->expires = packet->now + tcp_timeouts[flow->tcp_state & 15] * SECOND;
	return 1;
}
