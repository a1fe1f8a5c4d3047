/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * REJECT: turns a packet into the ICMP or ICMPv6 port unreachable about it, byte for byte as Linux
 * makes it (net/ipv4/icmp.c __icmp_send(), net/ipv6/icmp.c icmp6_send(), RFC 1812 section 4.3.2.3,
 * RFC 4443 section 2.4), and sends it back. Leaves out: IP options that Linux echoes.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "deliver.bpf.h"
#include "hold.bpf.h"
#include "ip_options.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "parse.bpf.h"
#include "partial_checksum.bpf.h"
#include "route.bpf.h"
#include "seams.bpf.h"
#include "translate.bpf.h"
#include "verified_once.bpf.h"
#include "verify.bpf.h"

#define ERROR_TTL 64
#define IPV4_ERROR_LIMIT 576
#define IPV6_ERROR_LIMIT 1280
#define IPV4_QUOTE_MAX (IPV4_ERROR_LIMIT - sizeof(struct iphdr) - sizeof(struct icmp_header))
#define IPV6_QUOTE_MAX (IPV6_ERROR_LIMIT - sizeof(struct ipv6hdr) - sizeof(struct icmp_header))
#define TOS_INTERNET_CONTROL 0xc0
#define TOS_MASK 0x1e

struct ipv4_error {
	struct iphdr ip;
	struct icmp_header icmp;
};

struct ipv6_error {
	struct ipv6hdr ip;
	struct icmp_header icmp;
};

/* Leaves the first `quote` bytes of the packet, and room for `headers` bytes before them. */
static __always_inline long make_room(struct __sk_buff *skb, const struct packet *packet,
				      __u32 quote, __u32 headers)
{
	if (bpf_skb_change_tail(skb, packet->headers.network + quote, 0) ||
	    forget_pending_checksum(skb, packet, quote))
		return -1;
	return bpf_skb_adjust_room(skb, headers, BPF_ADJ_ROOM_MAC, 0);
}

VERIFIED_ONCE long make_ipv4_error(struct __sk_buff *skb, const struct packet *packet,
				   const struct address *source)
{
	struct ipv4_error error = {
		.ip.version = 4,
		.ip.ihl = sizeof(struct iphdr) / 4,
		.ip.ttl = ERROR_TTL,
		.ip.protocol = IPPROTO_ICMP,
		.icmp.type = ICMP_UNREACHABLE,
		.icmp.code = ICMP_PORT_UNREACHABLE,
	};
	__u32 network, quote;

	if (!packet || !source)
		return -1;
	network = packet->headers.network;
	quote = packet->headers.end - network;
	error.ip.tos = TOS_INTERNET_CONTROL | (packet->headers.tos & TOS_MASK);
	error.ip.saddr = source->words[0];
	error.ip.daddr = packet->tuple.source.words[0];
	if (quote > IPV4_QUOTE_MAX)
		quote = IPV4_QUOTE_MAX;
	error.ip.tot_len = bpf_htons(sizeof(error) + quote);
	error.ip.id = random_number();
	error.ip.check = ~fold(bpf_csum_diff(0, 0, (__be32 *)&error.ip, sizeof(error.ip), 0));
	error.icmp.checksum = ~fold(bpf_csum_diff(0, 0, (__be32 *)&error.icmp, sizeof(error.icmp),
						  sum_frame(skb, network, quote, 0)));
	if (make_room(skb, packet, quote, sizeof(error)))
		return -1;
	return frame_store_uncovered(skb, network, &error, sizeof(error));
}

VERIFIED_ONCE long make_ipv6_error(struct __sk_buff *skb, const struct packet *packet,
				   const struct address *source)
{
	struct ipv6_error error = {
		.ip.version = 6,
		.ip.nexthdr = IPPROTO_ICMPV6,
		.ip.hop_limit = ERROR_TTL,
	};
	struct {
		__be32 length;
		__be32 next_header;
	} pseudo;
	__u32 network, quote, sum;

	if (!packet || !source)
		return -1;
	network = packet->headers.network;
	quote = packet->headers.end - network;
	if (quote > IPV6_QUOTE_MAX)
		quote = IPV6_QUOTE_MAX;
	error.icmp.type = packet->ipv6_answer.type;
	error.icmp.code = packet->ipv6_answer.code;
	error.icmp.sequence = bpf_htons(packet->ipv6_answer.mtu);
	error.ip.payload_len = bpf_htons(sizeof(error.icmp) + quote);
	__builtin_memcpy(&error.ip.saddr, source, sizeof(*source));
	__builtin_memcpy(&error.ip.daddr, &packet->tuple.source, sizeof(packet->tuple.source));
	pseudo.length = bpf_htonl(sizeof(error.icmp) + quote);
	pseudo.next_header = bpf_htonl(IPPROTO_ICMPV6);
	sum = sum_frame(skb, network, quote, 0);
	sum = bpf_csum_diff(0, 0, (__be32 *)&pseudo, sizeof(pseudo), sum);
	sum = bpf_csum_diff(0, 0, (__be32 *)&error.ip.saddr, 2 * sizeof(struct address), sum);
	sum = bpf_csum_diff(0, 0, (__be32 *)&error.icmp, sizeof(error.icmp), sum);
	error.icmp.checksum = ~fold(sum);
	if (make_room(skb, packet, quote, sizeof(error)))
		return -1;
	return frame_store_uncovered(skb, network, &error, sizeof(error));
}

/* nf_reject_verify_csum(); what was received has been checked by now. */
static __always_inline int checksum_forbids_error(struct __sk_buff *skb,
						  const struct packet *packet)
{
	return packet->host_origin && packet->tuple.protocol != IPPROTO_SCTP &&
	       transport_checksum(skb, packet) == CHECKSUM_WRONG;
}

/* What routing gives to a packet from nowhere in particular to an address of the node. */
static __always_inline void source_toward_own(const struct packet *packet,
					      const struct address *own, struct address *source)
{
	struct local_address *local;

	*source = *own;
	if (packet->tuple.family != FAMILY_IPV4)
		return;
	address_is_local(packet, own, &local);
	/* Any of 127.0.0.0/8 is the node's by the route of 127.0.0.1. */
	source->words[0] = local ? local->source : bpf_htonl(0x7f000001);
}

/* The source that the route to an IPv4 client names or, where it names none, what any packet that
 * leaves by it gets. Kernels before 6.7 do not tell. */
VERIFIED_ONCE int source_of_route(struct __sk_buff *skb, const struct packet *packet,
				  struct address *source)
{
	struct bpf_fib_lookup lookup;
	struct address none = {};

	if (!packet || !source || packet->tuple.family != FAMILY_IPV4 ||
	    fib_ask(skb, packet, &none, &packet->tuple.source, LOOPBACK_IFINDEX, 1,
		    BPF_FIB_LOOKUP_SRC | BPF_FIB_LOOKUP_SKIP_NEIGH, &lookup))
		return 0;
	source->words[0] = lookup.ipv4_src;
	return 1;
}

/* icmp6_send() would rather be seen where the packet came in. */
static __always_inline __u32 answering_interface(const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV6 && !packet->host_origin ? packet->ifindex
									   : packet->route.ifindex;
}

/*
 * `from`: the address that the error comes from, where that is not for routing to say. `forwarded`:
 * the packet had passed the router's own checks when it was rejected. In IPv6
 * `packet->ipv6_answer` says with what.
 */
VERIFIED_ONCE int reject(struct __sk_buff *skb, struct packet *packet, const struct address *from,
			 int forwarded)
{
	const struct address *client;
	struct address source = {};
	long error;

	if (!packet)
		return ACTION_DROP;
	client = &packet->tuple.source;
	if (is_in_fragments(packet))
		return hold(packet);
	if (packet->headers.fragment == FRAGMENT_LATER || checksum_forbids_error(skb, packet))
		return drop(packet, DROP_REJECT_SILENT);
	route_find(skb, packet, &packet->tuple.destination, client, LOOPBACK_IFINDEX);
	if (from)
		source = *from;
	else if (packet->route.kind == ROUTE_LOCAL)
		source_toward_own(packet, client, &source);
	else if (!source_of_route(skb, packet, &source) &&
		 !select_source(packet, answering_interface(packet), client, SCOPE_LINK, &source))
		return drop(packet, DROP_REJECT_SILENT);
	if (packet->route.kind == ROUTE_REFUSED)
		return drop(packet, DROP_REJECT_SILENT);
	if ((forwarded && change_ttl(skb, packet, -1)) || clear_behind_options(skb, packet, 0))
		return drop(packet, DROP_REWRITE);
	error = packet->tuple.family == FAMILY_IPV4 ? make_ipv4_error(skb, packet, &source)
						    : make_ipv6_error(skb, packet, &source);
	if (error)
		return drop(packet, DROP_REWRITE);
	packet->trace.flags |= TRACE_REJECTED;
	packet->route.too_long = 0;
	/* IPv6 lets a source of the node's own come in. */
	if (packet->host_origin || packet->route.kind == ROUTE_LOCAL)
		return deliver_by_route(skb, packet, REASON_REJECTED);
	return deliver_to_neighbour(skb, packet, REASON_REJECTED);
}
