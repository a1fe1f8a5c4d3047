/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses that no packet of a flow through the node has. */
#pragma once

#include <bpf/bpf_endian.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "tuple.bpf.h"

/* fib_validate_source(): routes are asked only where the addresses of interfaces are not all that is
 * local. */
static __always_inline int claims_to_be_the_node(const struct packet *packet)
{
	const struct address *source = &packet->tuple.source;
	__u32 flags = settings_of(packet)->flags;

	if (flags & SETTING_ACCEPT_LOCAL)
		return 0;
	return flags & SETTING_FURTHER_LOCAL_ROUTES ? address_is_local(packet, source)
						    : address_is_configured(packet, source);
}

/* IPv6: a scope that nobody has, or that ends at the node that sent it. */
static __always_inline int is_reserved_group(const struct address *destination)
{
	return address_is_multicast(destination, FAMILY_IPV6) &&
	       (bpf_ntohl(destination->words[0]) >> 16 & 0xf) <= 1;
}

/* A node that does not forward asks that of nothing that is for others (ip_route_input_slow()). It is
 * silent about what it does not forward, but for options that it refuses. */
static __always_inline int is_believed_to_be_refused(const struct packet *packet)
{
	return packet->options_refused && !(settings_of(packet)->flags & SETTING_FORWARDS);
}

/* Addresses that ip_route_input_slow() and ip6_rcv_core() do not believe. */
static __always_inline int is_martian(const struct packet *packet)
{
	const struct address *source = &packet->tuple.source;
	__u32 first = bpf_ntohl(source->words[0]);

	if (packet->tuple.family == FAMILY_IPV6)
		return first >> 24 == 0xff || address_is_loopback(source, FAMILY_IPV6) ||
		       address_is_loopback(&packet->tuple.destination, FAMILY_IPV6) ||
		       is_reserved_group(&packet->tuple.destination);
	if (first >> 28 == 0xe || first == 0xffffffff || first == 0)
		return 1;
	if (!(settings_of(packet)->flags & SETTING_ROUTE_LOCALNET) &&
	    address_is_loopback(source, FAMILY_IPV4))
		return 1;
	return !is_believed_to_be_refused(packet) && claims_to_be_the_node(packet);
}

/* Destinations that are nobody's in particular, and 127.0.0.0/8 where it is closed. */
static __always_inline int destination_is_special(const struct packet *packet)
{
	const struct address *destination = &packet->tuple.destination;
	__u32 first = bpf_ntohl(destination->words[0]);

	if (address_is_multicast(destination, packet->tuple.family))
		return 1;
	if (packet->tuple.family == FAMILY_IPV6)
		return 0;
	if (!packet->host_origin && !(settings_of(packet)->flags & SETTING_ROUTE_LOCALNET) &&
	    address_is_loopback(destination, FAMILY_IPV4))
		return 1;
	return first == 0xffffffff || first == 0;
}
