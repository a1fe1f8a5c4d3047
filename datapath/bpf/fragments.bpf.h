/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Only the first fragment of a datagram carries ports: they are kept for the later ones, for each
 * hook apart, because the addresses may differ from hook to hook. What became of the first becomes
 * of all. Fragments that overtake their first one stay unknown (netfilter, which reassembles, knows
 * them).
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"

#define FRAGMENT_LIFETIME (30ull * 1000000000) /* net.ipv4.ipfrag_time */

static __always_inline void fragment_key_of(struct fragment_key *key, const struct packet *packet)
{
	key->source = packet->tuple.source;
	key->destination = packet->tuple.destination;
	key->identification = packet->headers.identification;
	key->protocol = packet->tuple.protocol;
	key->family = packet->tuple.family;
	key->program = packet->trace.program;
	key->zero = 0;
}

static __always_inline void fragment_remember(const struct packet *packet)
{
	struct fragment_key key;
	struct fragment_ports ports = {
		.source_port = packet->tuple.source_port,
		.destination_port = packet->tuple.destination_port,
		.refused = packet->trace.verdict == VERDICT_DROP ||
			   packet->trace.reason == REASON_REJECTED,
		.expires = packet->now + FRAGMENT_LIFETIME,
	};

	fragment_key_of(&key, packet);
	bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
}

static __always_inline int fragment_recall(struct packet *packet)
{
	struct fragment_key key;
	const struct fragment_ports *ports;

	fragment_key_of(&key, packet);
	ports = bpf_map_lookup_elem(&fragments, &key);
	if (!ports || packet->now >= ports->expires)
		return PARSE_UNKNOWN_FRAGMENT;
	packet->tuple.source_port = ports->source_port;
	packet->tuple.destination_port = ports->destination_port;
	packet->tracked = 1;
	return ports->refused ? PARSE_REFUSED_FRAGMENT : PARSE_OK;
}
