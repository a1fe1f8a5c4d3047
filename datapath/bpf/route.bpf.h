/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the stack would send a packet, and which of the node's addresses it would give it:
 * MASQUERADE takes inet_select_addr() (net/ipv4/devinet.c) and RFC 6724 (net/ipv6/addrconf.c).
 * Control lists each interface's candidates in the kernel's order.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "local_address.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "tuple.bpf.h"
#include "verified_once.bpf.h"

#define AF_INET 2
#define AF_INET6 10
#define LOOPBACK_IFINDEX 1
#define IPV4_ROUTING_TOS 0x1c

/* IFA scopes of rtnetlink; wider ones have lower numbers. */
#define SCOPE_UNIVERSE 0
#define SCOPE_LINK 253

static __always_inline const struct interface_settings *interface_find(const struct packet *packet,
								       __u32 ifindex)
{
	struct interface_key key = {
		.ifindex = ifindex,
		.generation = packet->generation,
	};

	return bpf_map_lookup_elem(&interfaces, &key);
}

static __always_inline long fib_ask(frame_t *frame, const struct packet *packet,
				    const struct address *source, const struct address *destination,
				    __u32 ifindex, __u16 length, __u32 flags,
				    struct bpf_fib_lookup *lookup)
{
	__builtin_memset(lookup, 0, sizeof(*lookup));
	lookup->ifindex = ifindex;
	lookup->l4_protocol = packet->tuple.protocol;
	lookup->sport = packet->tuple.source_port;
	lookup->dport = packet->tuple.destination_port;
	lookup->tot_len = length;
	if (packet->tuple.family == FAMILY_IPV4) {
		lookup->family = AF_INET;
		lookup->tos = packet->headers.tos & IPV4_ROUTING_TOS;
		lookup->ipv4_src = source->words[0];
		lookup->ipv4_dst = destination->words[0];
	} else {
		lookup->family = AF_INET6;
		/* The helper takes these for addresses that go nowhere; routing does not. */
		if (!address_is_loopback(source, FAMILY_IPV6) && !address_is_link_local(source))
			__builtin_memcpy(lookup->ipv6_src, source, sizeof(*source));
		__builtin_memcpy(lookup->ipv6_dst, destination, sizeof(*destination));
	}
	return fib_lookup(frame, lookup, flags);
}

/* What ip_route_input_slow() does not believe of a packet that NAT has sent there. */
static __always_inline int destination_is_martian(const struct packet *packet,
						  const struct address *destination)
{
	if (packet->tuple.family != FAMILY_IPV4)
		return 0;
	return destination->words[0] == 0 ||
	       (!(settings_of(packet)->flags & SETTING_ROUTE_LOCALNET) &&
		address_is_loopback(destination, FAMILY_IPV4));
}

/* skb_gso_network_seglen(). Only the sender knows how long SCTP's are. */
static __always_inline __u32 segment_length(const struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	__u32 length = headers->transport - headers->network + packet->segment_size;

	if (packet->tuple.protocol == IPPROTO_TCP)
		return length + packet->tcp.header_length;
	return packet->tuple.protocol == IPPROTO_UDP ? length + sizeof(struct udphdr) : 1;
}

/* As links see it: what waits for segmentation goes in segments, and what came in fragments as they
 * do, unless it is cut anew. */
static __always_inline __u32 length_on_links(const struct packet *packet)
{
	if (packet->segment_size)
		return segment_length(packet);
	if (packet->largest_fragment &&
	    (packet->tuple.family == FAMILY_IPV6 || packet->headers.dont_fragment))
		return packet->largest_fragment;
	return packet->headers.end - packet->headers.network;
}

/* What is received for a link-local address goes out where it came in (rt6_need_strict(),
 * net/ipv6/route.c), by routes that no helper asks for; control knows them. */
static __always_inline int route_on_link(struct packet *packet, __u32 ifindex)
{
	const struct interface_settings *interface = interface_find(packet, ifindex);
	struct route *route = &packet->route;

	if (!interface || !(interface->flags & INTERFACE_LEADS_TO_LINK))
		return ROUTE_REFUSED;
	route->kind = ROUTE_FORWARD;
	route->ifindex = ifindex;
	route->mtu = interface->ipv6_mtu;
	route->too_long = length_on_links(packet) > interface->ipv6_mtu;
	if (!address_is_zero(&interface->link_next_hop))
		route->next_hop = interface->link_next_hop;
	return ROUTE_FORWARD;
}

/* Finds `packet->route`, as for a packet from `source` to `destination` that came in at `ifindex`;
 * lo for the node's own. */
#define route_find BY_FRAME(route_find)
VERIFIED_ONCE int route_find(frame_t *frame, struct packet *packet, const struct address *source,
			     const struct address *destination, __u32 ifindex)
{
	struct bpf_fib_lookup lookup;
	struct route *route;
	__u32 length;
	__u8 family;
	long result;

	if (!packet || !source || !destination)
		return ROUTE_REFUSED;
	route = &packet->route;
	family = packet->tuple.family;
	length = length_on_links(packet);
	route->kind = ROUTE_REFUSED;
	route->too_long = 0;
	route->has_link_addresses = 0;
	route->ifindex = 0;
	route->next_hop = *destination;
	if (ifindex != LOOPBACK_IFINDEX && destination_is_martian(packet, destination))
		return ROUTE_REFUSED;
	if (address_is_local(packet, destination) ||
	    (ifindex != LOOPBACK_IFINDEX && is_limited_broadcast(packet, destination))) {
		route->kind = ROUTE_LOCAL;
		route->ifindex = LOOPBACK_IFINDEX;
		return ROUTE_LOCAL;
	}
	if (ifindex != LOOPBACK_IFINDEX && family == FAMILY_IPV6 &&
	    address_is_link_local(destination))
		return route_on_link(packet, ifindex);
	/* ip_route_input_rcu(), ip6_route_input(): what is received for a group is not forwarded. */
	if (ifindex != LOOPBACK_IFINDEX && address_is_multicast(destination, family))
		return ROUTE_REFUSED;
	/* ip6_route_me_harder(): the node's own go to a group by the link that they left by before. */
	if (family == FAMILY_IPV6 && address_is_multicast(destination, family)) {
		if (packet->ifindex == LOOPBACK_IFINDEX)
			return ROUTE_REFUSED;
		route->ifindex = packet->ifindex;
		route->kind = ROUTE_FORWARD;
		return ROUTE_FORWARD;
	}
	result = fib_ask(frame, packet, source, destination, ifindex, length, 0, &lookup);
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		/* The kernel names the interface only for what fits. */
		route->too_long = 1;
		route->mtu = lookup.mtu_result;
		result = fib_ask(frame, packet, source, destination, ifindex, 1, 0, &lookup);
	}
	if (result != BPF_FIB_LKUP_RET_SUCCESS && result != BPF_FIB_LKUP_RET_NO_NEIGH)
		return ROUTE_REFUSED;
	/* __mkroute_output() lets no such source leave the node, nor __mkroute_input() through it. */
	if (family == FAMILY_IPV4 && address_is_loopback(source, family) &&
	    !(settings_of(packet)->flags & SETTING_ROUTE_LOCALNET))
		return ROUTE_REFUSED;
	route->kind = ROUTE_FORWARD;
	route->ifindex = lookup.ifindex;
	if (family == FAMILY_IPV4)
		route->next_hop.words[0] = lookup.ipv4_dst;
	else
		__builtin_memcpy(&route->next_hop, lookup.ipv6_dst, sizeof(route->next_hop));
	if (result == BPF_FIB_LKUP_RET_SUCCESS) {
		route->has_link_addresses = 1;
		__builtin_memcpy(route->source_link, lookup.smac, 6);
		__builtin_memcpy(route->destination_link, lookup.dmac, 6);
	}
	return ROUTE_FORWARD;
}

/* A packet of the node's own, `packet->to` to be. */
#define own_fits_its_link BY_FRAME(own_fits_its_link)
VERIFIED_ONCE int own_fits_its_link(frame_t *frame, const struct packet *packet, __u32 length)
{
	struct bpf_fib_lookup lookup;
	const struct tuple *to;

	if (!packet)
		return 0;
	to = &packet->to;
	return fib_ask(frame, packet, &to->source, &to->destination, LOOPBACK_IFINDEX, length, 0,
		       &lookup) != BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Sources that ip6_forward() keeps on their link, unless the packet goes back where it came from. */
static __always_inline int source_stays_on_link(const struct packet *packet)
{
	const struct address *source = &packet->tuple.source;

	return packet->tuple.family == FAMILY_IPV6 && packet->route.ifindex != packet->ifindex &&
	       (address_is_zero(source) || address_is_link_local(source));
}

/* A packet on its way through the node that will not come as far as FORWARD; `packet->route` is
 * its route. */
static __always_inline int stack_refuses(const struct packet *packet)
{
	const struct route *route = &packet->route;

	if (packet->options_refused)
		return 1;
	if (packet->host_origin || route->kind == ROUTE_LOCAL)
		return 0;
	return route->kind == ROUTE_REFUSED || packet->headers.ttl <= 1 ||
	       source_stays_on_link(packet) || (route->too_long && packet->headers.dont_fragment);
}

static __always_inline __u32 leading_zeros(__u32 word)
{
	__u32 zeros = 0;

	for (__u32 half = 16; half; half /= 2) {
		if (!(word >> (32 - half))) {
			zeros += half;
			word <<= half;
		}
	}
	return zeros + !word;
}

/* How many leading bits agree. */
static __always_inline __u32 address_common_prefix(const struct address *a, const struct address *b)
{
	for (__u32 i = 0; i < 4; i++) {
		if (a->words[i] != b->words[i])
			return 32 * i + leading_zeros(bpf_ntohl(a->words[i] ^ b->words[i]));
	}
	return 128;
}

/* The scope of RFC 4007 as the kernel compares it for this purpose. */
static __always_inline __u32 ipv6_scope(const struct address *address)
{
	__u32 first = bpf_ntohl(address->words[0]);

	if (address_is_link_local(address) || address_is_loopback(address, FAMILY_IPV6))
		return 0x2;
	if (first >> 22 == 0xfec0 >> 6)
		return 0x5;
	return 0xe;
}

/* The kernel's default policy table (net/ipv6/addrlabel.c). */
static __always_inline __u32 ipv6_label(const struct address *address)
{
	__u32 first = bpf_ntohl(address->words[0]);

	if (!first && !address->words[1]) {
		if (address->words[2] == bpf_htonl(0xffff))
			return 4;
		if (!address->words[2])
			return address->words[3] == bpf_htonl(1) ? 0 : 3;
	}
	if (first == 0x20010000)
		return 6;
	if (first >> 4 == 0x2001001)
		return 7;
	if (first >> 16 == 0x3ffe)
		return 12;
	if (first >> 16 == 0x2002)
		return 2;
	if (first >> 22 == 0xfec0 >> 6)
		return 11;
	if (first >> 25 == 0xfc >> 1)
		return 5;
	return 1;
}

/* __ipv6_dev_get_saddr() asks its own interface alone. */
static __always_inline int is_of_one_link(const struct address *destination)
{
	return address_is_multicast(destination, FAMILY_IPV6) ||
	       address_is_link_local(destination) || address_is_loopback(destination, FAMILY_IPV6);
}

/* Greater is better: scope, then what is not deprecated, then label, then the common prefix; 0 for
 * no address. */
VERIFIED_ONCE __u32 ipv6_preference(const struct source_candidate *candidate,
				    const struct address *destination)
{
	__u32 prefix, scope, preference;

	if (!candidate || !destination || candidate->owner == CANDIDATE_NONE ||
	    (candidate->owner == CANDIDATE_LENT && is_of_one_link(destination)))
		return 0;
	prefix = address_common_prefix(&candidate->address, destination);
	scope = ipv6_scope(&candidate->address);
	preference = scope >= ipv6_scope(destination) ? 0x40 - scope : scope;
	if (prefix > candidate->prefix_length)
		prefix = candidate->prefix_length;
	return preference << 16 | !candidate->deprecated << 9 |
	       (ipv6_label(&candidate->address) == ipv6_label(destination)) << 8 | prefix;
}

/* Greater is better; 0 for no address. */
VERIFIED_ONCE __u32 ipv4_preference(const struct source_candidate *candidate,
				    const struct address *next_hop, __u32 scope)
{
	if (!candidate || !next_hop || candidate->owner == CANDIDATE_NONE ||
	    candidate->scope > scope)
		return 0;
	return candidate->owner == CANDIDATE_OWN && address_has_prefix(next_hop, &candidate->subnet,
								       candidate->prefix_length)
		       ? 2
		       : 1;
}

/* As for what leaves by that interface. 0 where the node has no usable address. */
VERIFIED_ONCE int select_source(const struct packet *packet, __u32 ifindex,
				const struct address *destination, __u32 scope,
				struct address *source)
{
	const struct interface_settings *interface;
	__u32 best = 0;

	if (!packet || !destination || !source)
		return 0;
	/* RFC 6724 section 5, rule 1. */
	if (packet->tuple.family == FAMILY_IPV6 && address_is_configured(packet, destination)) {
		*source = *destination;
		return 1;
	}
	interface = interface_find(packet, ifindex);
	if (!interface)
		return 0;
	for (int i = 0; i < SOURCE_CANDIDATES; i++) {
		const struct source_candidate *candidate;
		__u32 preference;

		if (packet->tuple.family == FAMILY_IPV4) {
			candidate = &interface->ipv4[i];
			preference = ipv4_preference(candidate, &packet->route.next_hop, scope);
		} else {
			candidate = &interface->ipv6[i];
			preference = ipv6_preference(candidate, destination);
		}
		if (candidate->owner == CANDIDATE_NONE)
			break;
		if (preference > best) {
			best = preference;
			*source = candidate->address;
		}
	}
	return best != 0;
}
