/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a datagram in fragments does to its flow: nothing, until it is whole. Then it is tracked as
 * the packet that it is, by what its first fragment said and what only its last one could tell.
 */
#pragma once

#include "flow.bpf.h"
#include "fragments.bpf.h"
#include "frame.bpf.h"
#include "packet.bpf.h"
#include "refuse.bpf.h"
#include "select.bpf.h"
#include "track.bpf.h"
#include "verify.bpf.h"

/* The flow that its first fragment began, as if it began with the whole. */
static __always_inline int track_beginning(frame_t *frame, struct packet *packet,
					   struct flow *state)
{
	state->status = 0;
	state->tcp_state = 0;
	state->tcp_flags = 0;
	state->tcp_retransmissions = 0;
	__builtin_memset(state->tcp_ends, 0, sizeof(state->tcp_ends));
	/* Of ICMP, nothing else begins flows. */
	packet->icmp_class = ICMP_CLASS_QUERY;
	if (!flow_start(frame, packet, state)) {
		state->status = FLOW_UNFINISHED;
		return TRACK_INVALID;
	}
	if (packet->fragments.affinity_backend) {
		packet->choice.service_id = state->service_id;
		packet->choice.flags = FRONTEND_AFFINITY;
		packet->choice.affinity_timeout = packet->fragments.affinity_timeout;
		packet->affinity_lapsed = packet->fragments.affinity_lapsed;
		affinity_keep(packet, packet->fragments.affinity_backend);
	}
	return TRACK_OK;
}

static __always_inline int track_fragment(frame_t *frame, struct packet *packet, struct flow *state,
					  int reply)
{
	if (packet->whole && datagram_is_broken(packet))
		return TRACK_INVALID;
	if (packet->whole && state->status & FLOW_UNFINISHED)
		return track_beginning(frame, packet, state);
	if (packet->whole)
		return flow_track(frame, packet, state, reply);
	if (packet->headers.fragment == FRAGMENT_LATER)
		return TRACK_OK;
	/* Whether it is of the flow at all. */
	packet->leaving = *state;
	return flow_track(frame, packet, &packet->leaving, reply);
}

/* The last fragment of a datagram that has turned out to be INVALID. What went on translated cannot
 * be called back, but it is nothing without this one. */
static __always_inline int invalid_datagram(struct __sk_buff *skb, struct packet *packet,
					    const struct flow *flow, const struct flow *state)
{
	int translates = flow_translates(flow);

	if (state->status & FLOW_UNFINISHED)
		flow_remove(flow, &packet->tuple);
	return translates ? drop(packet, DROP_INVALID) : invalid_packet(skb, packet);
}

/* The checksum that the first fragment took with it was made for another length. */
static __always_inline int is_unforeseen(const struct packet *packet, const struct flow *flow)
{
	const struct fragmented *datagram = &packet->fragments;

	return packet->tuple.protocol == IPPROTO_SCTP && packet->whole &&
	       packet->headers.fragment == FRAGMENT_LATER && flow_changes_ports(flow) &&
	       datagram->length - datagram->extensions != datagram->sctp_end;
}
