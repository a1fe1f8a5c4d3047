/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets that the stack is foreseen to refuse, until it has had its say. netfilter knows of which
 * flow an error is, since the packet that it is about carries that along (icmp_glue_bits() in
 * net/ipv4/icmp.c, nf_ct_attach()); here only what the error quotes tells. What a processor noted of
 * the last packet that it received is enough where the stack answers at once. But it may be given
 * several packets first (NAPI hands them up in lists), and an error may have to wait for a neighbour.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "tuple.bpf.h"
#include "verified_once.bpf.h"

/* As long as an error may wait: three probes, a second apart (mcast_solicit, retrans_time). */
#define REFUSED_LIFETIME (4 * SECOND)

static __always_inline void refused_key_of(struct refused_key *key, const struct tuple *tuple,
					   const struct headers *headers)
{
	key->tuple = *tuple;
	key->tuple.space = TUPLE_SPACE_WIRE;
	key->tuple.zero = 0;
	key->identification = tuple->family == FAMILY_IPV4 ? headers->identification : 0;
}

/* Of a flow that is over with it, or of none; of martians nothing is said. The table of flows tells about all others. */
static __always_inline int is_to_be_remembered(const struct packet *packet)
{
	const struct flow *begun = &packet->flow;

	if (packet->trace.verdict != VERDICT_PASS || !packet->received_flow || packet->martian)
		return 0;
	return packet->trace.reason == PASS_STACK_ANSWERS || packet->options_refused ||
	       (begun->id == packet->received_flow && begun->flags & FLOW_DOOMED);
}

/* The packet just noted. */
VERIFIED_ONCE int remember_refused(void)
{
	struct packet *packet = this_packet();
	const struct refused *earlier;
	struct refused *refused;

	if (!packet)
		return 0;
	refused = &packet->refused;
	refused_key_of(&packet->refused_key, &packet->received, &packet->headers);
	refused->as = packet->received_as;
	refused->flow_id = packet->received_flow;
	refused->flow = packet->flow;
	refused->expires = packet->now + REFUSED_LIFETIME;
	refused->packets = 1;
	refused->source_routed = packet->received_source_routed;
	/* In IPv6 nothing tells packets of one tuple apart. */
	earlier = bpf_map_lookup_elem(&refused_packets, &packet->refused_key);
	if (earlier && packet->now < earlier->expires)
		refused->packets += earlier->packets;
	return !bpf_map_update_elem(&refused_packets, &packet->refused_key, refused, BPF_ANY);
}

/* The one that an error of the node's own quotes becomes the one just noted, unless `known`, which is
 * that. The stack says one thing only of each. */
VERIFIED_ONCE int recall_refused(int known)
{
	struct packet *packet = this_packet();
	struct refused *refused;

	if (!packet)
		return 0;
	refused_key_of(&packet->refused_key, &packet->quoted, &packet->quoted_headers);
	refused = bpf_map_lookup_elem(&refused_packets, &packet->refused_key);
	if (!refused)
		return 0;
	if (!known && packet->now < refused->expires) {
		packet->received = packet->quoted;
		packet->received_as = refused->as;
		packet->received_source_routed = refused->source_routed;
		packet->received_identification = packet->quoted_headers.identification;
		packet->received_flow = refused->flow_id;
		packet->received_expires = refused->expires;
		packet->flow = refused->flow;
	}
	if (refused->packets > 1)
		__sync_fetch_and_add(&refused->packets, -1);
	else
		bpf_map_delete_elem(&refused_packets, &packet->refused_key);
	return 1;
}
