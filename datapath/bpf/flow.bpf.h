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
	TRACK_NEW,     /* the flow was over: this packet starts another */
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

/* All entries, the one with the state last. `flow` may be one of them; `key` is scratch. */
static __noinline void flow_remove(const struct flow *flow, struct tuple *key,
				   const struct tuple *like)
{
	struct flow copy;
	struct tuple reversed;

	__builtin_memcpy(&copy, flow, sizeof(copy));
	flow_reply_key(key, &copy, like);
	flow_remove_key(key, copy.id);
	if (copy.flags & FLOW_SOURCE_ADDRESS_CHANGES) {
		flow_inside_key(key, &copy, like);
		flow_remove_key(key, copy.id);
		tuple_reverse(&reversed, key);
		flow_remove_key(&reversed, copy.id);
	}
	flow_original_key(key, &copy, like);
	flow_remove_key(key, copy.id);
}

/* The live flow that owns a tuple, and in `state` the entry that keeps its state. Removes a flow
 * that is over, or that lost its state; one that another processor is just entering has none yet. */
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
	flow_remove(entry, &packet->key, tuple);
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

static __always_inline int track_tcp(struct packet *packet, struct flow *state, int reply)
{
	__u8 direction = reply ? TCP_FROM_SERVER : TCP_FROM_CLIENT;
	__u8 last_direction =
		state->status & FLOW_LAST_FROM_CLIENT ? TCP_FROM_CLIENT : TCP_FROM_SERVER;
	__u8 event, old, next;

	if (packet->headers.fragment == FRAGMENT_LATER)
		return TRACK_OK;
	if (!packet->tcp.whole || !tcp_flags_are_valid(packet->tcp.flags))
		return TRACK_INVALID;
	event = tcp_event_of(packet->tcp.flags);
	old = state->tcp_state;
	next = tcp_next_state(direction, event, old);

	if (next == TCP_INVALID)
		return TRACK_INVALID;
	if (next == TCP_STATE_SYN_SENT && old >= TCP_STATE_TIME_WAIT) {
		/* A closed connection is opened again; after a reset by the other side only when
		 * that side answers. */
		if (state->status & FLOW_CLOSING ||
		    (last_direction == direction && state->tcp_last_event == TCP_EVENT_RST))
			return TRACK_NEW;
		next = TCP_IGNORE;
	}
	if (next == TCP_IGNORE) {
		if (event == TCP_EVENT_SYN_ACK && state->tcp_last_event == TCP_EVENT_SYN &&
		    last_direction != direction &&
		    packet->tcp.acknowledgment == state->tcp_last_end) {
			/* The answer to a SYN that was let through: the ends are in step. */
			state->status &= ~FLOW_CLOSING;
			next = TCP_STATE_SYN_RECEIVED;
		} else {
			tcp_note_last(state, event, direction);
			state->tcp_last_end = packet->tcp.sequence + packet->tcp.payload_length;
			if (reply)
				state->status |= FLOW_SEEN_REPLY;
			return TRACK_OK;
		}
	}
	tcp_note_last(state, event, direction);
	state->tcp_state = next;
	if (next == TCP_STATE_FIN_WAIT && old != next)
		state->status |= FLOW_CLOSING;
	if (!(state->status & FLOW_SEEN_REPLY) && event == TCP_EVENT_RST) {
		/* Refused, or given up before an answer: nothing is left of it after this packet. */
		state->expires = packet->now;
		return TRACK_OK;
	}
	state->expires = packet->now + tcp_timeouts[next & 15] * SECOND;
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
	flow->expires = packet->now + tcp_timeouts[flow->tcp_state & 15] * SECOND;
	return 1;
}
