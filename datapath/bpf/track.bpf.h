/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet does to its flow, and which packets may start one: how long flows live, when they
 * are answered, when they are over (nf_conntrack_proto_tcp.c, nf_conntrack_proto_udp.c,
 * nf_conntrack_proto_icmp.c, nf_conntrack_proto_generic.c).
 */
#pragma once

#include <linux/in.h>

#include "frame.bpf.h"
#include "icmp.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "sctp_track.bpf.h"
#include "seams.bpf.h"
#include "tcp_track.bpf.h"

#define ICMP_TIMEOUT (30 * SECOND)
#define GENERIC_TIMEOUT (600 * SECOND)
#define UDP_STREAM_AGE (2 * SECOND)

static __always_inline int track_udp(struct packet *packet, struct flow *state, int reply)
{
	__u64 timeout = settings_of(packet)->udp_timeout;

	if (state->status & FLOW_SEEN_REPLY && packet->now > state->created + UDP_STREAM_AGE) {
		timeout = settings_of(packet)->udp_stream_timeout;
		state->status |= FLOW_STREAM;
	}
	state->expires = packet->now + timeout * SECOND;
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

/* Queries, and protocols of which nothing is known but their number. */
static __always_inline int track_plain(struct packet *packet, struct flow *state, int reply)
{
	state->expires = packet->now + (packet->portless ? GENERIC_TIMEOUT : ICMP_TIMEOUT);
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

static __always_inline int flow_track(frame_t *frame, struct packet *packet, struct flow *state,
				      int reply)
{
	if (packet->tuple.protocol == IPPROTO_TCP)
		return track_tcp(frame, packet, state, reply);
	if (packet->tuple.protocol == IPPROTO_SCTP)
		return track_sctp(frame, packet, state, reply, 0);
	if (packet->portless || is_icmp(&packet->tuple))
		return track_plain(packet, state, reply);
	return track_udp(packet, state, reply);
}

/* Whether a packet without a flow may start one; `flow`, all zero, gets its first state. */
static __always_inline int flow_start(frame_t *frame, struct packet *packet, struct flow *flow)
{
	flow->created = packet->now;
	if (packet->tuple.protocol == IPPROTO_TCP)
		return start_tcp(frame, packet, flow);
	if (packet->tuple.protocol == IPPROTO_SCTP)
		return track_sctp(frame, packet, flow, 0, 1) == TRACK_OK;
	if (is_icmp(&packet->tuple) && packet->icmp_class != ICMP_CLASS_QUERY)
		return 0;
	if (packet->portless || is_icmp(&packet->tuple))
		track_plain(packet, flow, 0);
	else
		track_udp(packet, flow, 0);
	return 1;
}
