/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of flows: how they are found and removed. Entries leave the map when their time is
 * over, on the way past or by control's collection, and all entries of a flow together, since half
 * a flow would be worse than none. Should an entry get lost by other hands, its partner leads to
 * the rest of the flow, and the packet that misses it restores it.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "sctp_track.bpf.h"
#include "seams.bpf.h"
#include "tcp_state.bpf.h"
#include "tuple.bpf.h"
#include "verified_once.bpf.h"

#define RESUMED_TIMEOUT (300 * SECOND)

static __always_inline int destination_changes(const struct flow *flow)
{
	return !address_equal(&flow->frontend.address, &flow->backend.address) ||
	       flow->frontend.port != flow->backend.port;
}

static __always_inline int flow_changes_ports(const struct flow *flow)
{
	return flow->frontend.port != flow->backend.port || flow->client.port != flow->source.port;
}

static __always_inline int flow_translates(const struct flow *flow)
{
	return flow_changes_ports(flow) ||
	       !address_equal(&flow->frontend.address, &flow->backend.address) ||
	       !address_equal(&flow->client.address, &flow->source.address);
}

/* Where the first fragment of a datagram went, the others are to go. */
VERIFIED_ONCE int note_flow_of_first(const struct flow *flow)
{
	struct packet *packet = this_packet();

	if (!packet || !flow || packet->headers.fragment != FRAGMENT_FIRST)
		return 0;
	packet->fragments.flow_id = flow_translates(flow) ? flow->id : 0;
	return 1;
}

/* The flow by which its datagram's first fragment was translated is not there any more: without that
 * one it is nothing to whoever gets it, least of all as it is. */
static __always_inline int is_left_behind(const struct packet *packet, const struct flow *flow)
{
	return packet->headers.fragment == FRAGMENT_LATER && packet->fragments.flow_id &&
	       (!flow || flow->id != packet->fragments.flow_id);
}

static __always_inline void flow_original_key(struct tuple *key, const struct flow *flow,
					      const struct tuple *like)
{
	tuple_between(key, &flow->client, &flow->frontend, like);
}

/* `delivered`: to the node's own, of which the stack says nothing. */
static __always_inline void note_flow_received(struct packet *packet, const struct flow *flow,
					       int delivered)
{
	packet->received_flow = delivered && !packet->options_refused ? 0 : flow->id;
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

	const struct partner *partner = bpf_map_lookup_elem(&partners, key);

	if (partner && partner->id == id)
		bpf_map_delete_elem(&partners, key);
	if (entry && entry->id == id)
		bpf_map_delete_elem(&flows, key);
}

/* All entries, the one with the state last. `flow` may be one of them. */
VERIFIED_ONCE int flow_remove(const struct flow *flow, const struct tuple *like)
{
	struct packet *packet = this_packet();
	struct flow *leaving;
	struct tuple *key;

	if (!flow || !like || !packet)
		return 0;
	leaving = &packet->leaving;
	key = &packet->key;
	__builtin_memcpy(leaving, flow, sizeof(*leaving));
	flow_reply_key(key, leaving, like);
	flow_remove_key(key, leaving->id);
	if (leaving->flags & FLOW_SOURCE_CHANGES) {
		flow_inside_key(key, leaving, like);
		flow_remove_key(key, leaving->id);
		tuple_turn(key);
		flow_remove_key(key, leaving->id);
	}
	flow_original_key(key, leaving, like);
	flow_remove_key(key, leaving->id);
	return 1;
}

/* State as nobody has it any more: that of a conversation in its middle, or, where its beginning is
 * just going on, of that. */
static __always_inline void flow_resume(struct flow *flow, const struct packet *packet,
					__u8 protocol)
{
	flow->expires = packet->now + RESUMED_TIMEOUT;
	if (protocol == IPPROTO_TCP && packet->tuple.protocol == IPPROTO_TCP &&
	    packet->tcp.flags & TCP_SYN)
		return;
	flow->status = FLOW_SEEN_REPLY | FLOW_ASSURED;
	flow->tcp_state = TCP_STATE_ESTABLISHED;
	flow->tcp_last_event = TCP_EVENT_ACK;
	flow->tcp_last_window = 1;
	/* Where its windows are the next segments tell. */
	__builtin_memset(flow->tcp_ends, 0, sizeof(flow->tcp_ends));
	flow->tcp_ends[0].flags = TCP_END_SELECTIVE | TCP_END_LIBERAL;
	flow->tcp_ends[1].flags = TCP_END_SELECTIVE | TCP_END_LIBERAL;
	flow->sctp_state = SCTP_ESTABLISHED;
	flow->sctp_flags = SCTP_FLOW_RESUMED;
	flow->sctp_tags[0] = 0;
	flow->sctp_tags[1] = 0;
}

/* Of the entry that a flow has in its role. */
static __always_inline void flow_key(struct tuple *key, const struct flow *flow,
				     const struct tuple *like)
{
	if (flow->role == FLOW_ORIGINAL) {
		flow_original_key(key, flow, like);
	} else if (flow->role == FLOW_REPLY) {
		flow_reply_key(key, flow, like);
	} else {
		flow_inside_key(key, flow, like);
		if (flow->role == FLOW_INSIDE_REPLY)
			tuple_turn(key);
	}
}

/* Makes the entry anew of a live flow that `partner` says belongs under `tuple`. What was read here may
 * be of others that came into the same memory (flow_meet()). */
VERIFIED_ONCE int flow_make_anew(const struct tuple *tuple, const struct partner *partner)
{
	struct packet *packet = this_packet();
	const struct flow *other;
	struct flow *lost;
	struct tuple key;

	if (!tuple || !partner || !packet)
		return 0;
	key = partner->other;
	other = bpf_map_lookup_elem(&flows, &key);
	if (!other || other->id != partner->id)
		return 0;
	lost = &packet->leaving;
	__builtin_memcpy(lost, other, sizeof(*lost));
	lost->role = partner->role;
	flow_key(&key, lost, tuple);
	if (!tuple_equal(&key, tuple) || key.space != tuple->space)
		return 0;
	if (lost->role == FLOW_ORIGINAL)
		flow_resume(lost, packet, tuple->protocol);
	return !bpf_map_update_elem(&flows, &key, lost, BPF_NOEXIST);
}

/* The entry of a live flow that belongs under `tuple` and is not there. */
static __always_inline struct flow *flow_restore(const struct tuple *tuple)
{
	const struct partner *partner = bpf_map_lookup_elem(&partners, tuple);

	if (!partner)
		return 0;
	/* Another processor may have been first. */
	flow_make_anew(tuple, partner);
	return bpf_map_lookup_elem(&flows, tuple);
}

static __always_inline int flow_lives(const struct flow *state, const struct packet *packet)
{
	if (state->status & FLOW_UNFINISHED)
		return packet->now < state->created + fragment_lifetime(packet);
	return packet->now < state->expires && !(state->status & FLOW_OVER);
}

/* The flow that has an entry under `tuple` becomes `packet->met`; `live` is that entry, which is made
 * anew if need be where `restores`. The kernel gives the memory of one that is removed to the next that
 * is entered, at once. What another look finds at the same place is the tuple's, and has been all along
 * if it is the same flow's still. */
static __always_inline struct flow *flow_meet(const struct tuple *tuple, struct packet *packet,
					      struct flow **live, int restores)
{
	struct flow *entry = bpf_map_lookup_elem(&flows, tuple);
	__u64 id;

	if (!entry && restores)
		entry = flow_restore(tuple);
	if (!entry)
		return 0;
	id = *(volatile __u64 *)&entry->id;
	asm volatile("" ::: "memory");
	__builtin_memcpy(&packet->met, entry, __builtin_offsetof(struct flow, tcp_state));
	*live = entry;
	return bpf_map_lookup_elem(&flows, tuple) == entry && entry->id == id ? &packet->met : 0;
}

/* The flow that owns a tuple, be it unfinished, and in `state` the entry that keeps its state.
 * Removes a flow that is over, or that lost its state; one that another processor is just entering
 * has none. */
static __always_inline struct flow *flow_owner(const struct tuple *tuple, struct packet *packet,
					       struct flow **state)
{
	struct flow *live, *flow = flow_meet(tuple, packet, &live, 1);
	struct flow *original;

	if (!flow)
		return 0;
	original = live;
	if (flow->role != FLOW_ORIGINAL) {
		flow_original_key(&packet->key, flow, tuple);
		original = bpf_map_lookup_elem(&flows, &packet->key);
		if (!original)
			original = flow_restore(&packet->key);
		if (!original && packet->now < flow->created + SECOND)
			return 0;
	}
	if (original && original->id == flow->id && flow_lives(original, packet)) {
		*state = original;
		return flow;
	}
	flow_remove(flow, tuple);
	return 0;
}

/* Part of a datagram whose first fragment began a flow. */
static __always_inline int is_of_a_beginning(const struct packet *packet)
{
	return packet->headers.fragment == FRAGMENT_LATER &&
	       packet->fragments.course == FRAGMENTS_BEGIN;
}

/* What the first packet of this tuple that is whole begins in its place: `packet->met`. */
static __always_inline const struct flow *flow_unfinished(struct packet *packet,
							  const struct flow **state)
{
	struct flow *live, *flow;

	if (!packet->meets_unfinished)
		return 0;
	packet->key = packet->tuple;
	flow = flow_meet(&packet->key, packet, &live, 0);
	if (!flow || flow->role != FLOW_ORIGINAL || !(live->status & FLOW_UNFINISHED) ||
	    !flow_lives(live, packet))
		return 0;
	*state = live;
	return flow;
}

/* The flow that a packet of this tuple is part of. */
static __always_inline struct flow *flow_find(const struct tuple *tuple, struct packet *packet,
					      struct flow **state)
{
	struct flow *flow = flow_owner(tuple, packet, state);

	if (flow && (*state)->status & FLOW_UNFINISHED && !is_of_a_beginning(packet)) {
		packet->meets_unfinished = 1;
		return 0;
	}
	return flow;
}
