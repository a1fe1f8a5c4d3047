/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For which addresses packets come in, and what these are to the node: the routing table `local`
 * (net/ipv4/fib_frontend.c, net/ipv6/addrconf.c), and what other routes make local besides.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "tuple.bpf.h"

#define LOOPBACK_ADDRESS 0x7f000001

/* Whether packets for it come in; `local` says more of it. */
static __always_inline int local_find(const struct packet *packet, const struct address *address,
				      struct local_address *local)
{
	struct local_address_key key = {
		.prefix_length = LOCAL_ADDRESS_WHOLE,
		.family = packet->tuple.family,
		.generation = packet->generation,
		.address = *address,
	};
	const struct local_address *found;

	found = bpf_map_lookup_elem(&local_addresses, &key);
	if (!found && settings_of(packet)->flags & SETTING_LOCAL_PREFIXES)
		found = bpf_map_lookup_elem(&local_prefixes, &key);
	if (found) {
		*local = *found;
		if (!local->source)
			local->source = address->words[0];
		return !(found->flags & LOCAL_ADDRESS_ELSEWHERE);
	}
	/* Any of 127.0.0.0/8 is the node's by the route of 127.0.0.1. */
	local->flags = 0;
	local->source = bpf_htonl(LOOPBACK_ADDRESS);
	return key.family == FAMILY_IPV4 && address_is_loopback(address, FAMILY_IPV4);
}

static __always_inline int address_is_local(const struct packet *packet,
					    const struct address *address)
{
	struct local_address local;

	return local_find(packet, address, &local);
}

/* As `-m addrtype` has it. */
static __always_inline int address_is_own(const struct packet *packet,
					  const struct address *address)
{
	struct local_address local;

	return local_find(packet, address, &local) && !(local.flags & LOCAL_ADDRESS_SHARED);
}

/* As a source, it is another's at no interface. */
static __always_inline int address_is_configured(const struct packet *packet,
						 const struct address *address)
{
	struct local_address local;

	return local_find(packet, address, &local) && local.flags & LOCAL_ADDRESS_CONFIGURED;
}

static __always_inline int is_limited_broadcast(const struct packet *packet,
						const struct address *destination)
{
	return packet->tuple.family == FAMILY_IPV4 && destination->words[0] == ~0u;
}

/* Those of whom no errors are sent about: a group, or all hosts of a subnet. */
static __always_inline int address_is_of_many(const struct packet *packet,
					      const struct address *address)
{
	struct local_address local;

	if (address_is_multicast(address, packet->tuple.family) ||
	    is_limited_broadcast(packet, address))
		return 1;
	return packet->tuple.family == FAMILY_IPV4 && local_find(packet, address, &local) &&
	       local.flags & LOCAL_ADDRESS_SHARED;
}
