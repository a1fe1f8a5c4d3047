/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * REJECT: turns a packet into the ICMP or ICMPv6 port unreachable about it, byte for byte as Linux
 * makes it (net/ipv4/icmp.c __icmp_send(), net/ipv6/icmp.c icmp6_send(), RFC 1812 section 4.3.2.3,
 * RFC 4443 section 2.4), and sends it back.
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
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "parse.bpf.h"
#include "partial_checksum.bpf.h"
#include "route.bpf.h"
#include "sctp_checksum.bpf.h"
#include "seams.bpf.h"
#include "translate.bpf.h"
#include "verified_once.bpf.h"
#include "verify.bpf.h"
#include "written_options.bpf.h"

#define ERROR_TTL 64
#define IPV4_ERROR_LIMIT 576
#define IPV6_ERROR_LIMIT 1280
#define IPV4_QUOTE_MAX (IPV4_ERROR_LIMIT - sizeof(struct iphdr) - sizeof(struct icmp_header))
#define IPV6_QUOTE_MAX (IPV6_ERROR_LIMIT - sizeof(struct ipv6hdr) - sizeof(struct icmp_header))
#define IPV4_DUMMY 0xc0000008 /* 192.0.0.8, RFC 7600 */
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
static __always_inline long make_room(struct __sk_buff *skb, struct packet *packet, __u32 quote,
				      __u32 headers)
{
	if (bpf_skb_change_tail(skb, packet->headers.network + quote, 0) ||
	    forget_pending_checksum(skb, packet, quote))
		return -1;
	return bpf_skb_adjust_room(skb, headers, BPF_ADJ_ROOM_MAC, 0);
}

/* As sctp_manip_pkt() leaves it: the checksum of what is quoted, even where that is only a part. */
static __always_inline long settle_sctp_checksum(struct __sk_buff *skb, const struct packet *packet,
						 __u32 quote)
{
	__u32 transport = packet->headers.transport, end = packet->headers.network + quote, sum;

	if (!packet->quoted_back || packet->tuple.protocol != IPPROTO_SCTP ||
	    transport + SCTP_CHECKSUM + sizeof(sum) > end)
		return 0;
	sum = sctp_checksum(skb, transport, end - transport);
	return frame_store_uncovered(skb, transport + SCTP_CHECKSUM, &sum, sizeof(sum));
}

/* The options of an answer, and the checksum of its header, which is there without. `options`: bytes
 * of them. */
VERIFIED_ONCE long finish_ipv4_header(struct __sk_buff *skb, struct packet *packet, __u32 options)
{
	__u32 length, network;
	__sum16 checksum;

	if (!packet)
		return -1;
	network = packet->headers.network;
	length = sizeof(struct iphdr) + below(options, IPV4_OPTIONS_BUFFER);
	if (write_answer_options(skb, packet, network + sizeof(struct iphdr),
				 sizeof(struct ipv4_error) + options, packet->recorded) ||
	    frame_load(skb, network, packet->answer_header, length))
		return -1;
	checksum = ~fold(bpf_csum_diff(0, 0, (__be32 *)packet->answer_header, length, 0));
	return frame_store_uncovered(skb, network + __builtin_offsetof(struct iphdr, check),
				     &checksum, sizeof(checksum));
}

/* `options`: bytes of those that it gets. */
VERIFIED_ONCE long make_ipv4_error(struct __sk_buff *skb, struct packet *packet,
				   const struct address *source, __u32 options)
{
	struct ipv4_error error = {
		.ip.version = 4,
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
	if (quote > IPV4_QUOTE_MAX - options)
		quote = IPV4_QUOTE_MAX - options;
	error.ip.ihl = (sizeof(error.ip) + options) / 4;
	error.ip.tot_len = bpf_htons(sizeof(error) + options + quote);
	error.ip.id = random_number();
	if (!options)
		error.ip.check =
			~fold(bpf_csum_diff(0, 0, (__be32 *)&error.ip, sizeof(error.ip), 0));
	if (settle_sctp_checksum(skb, packet, quote))
		return -1;
	error.icmp.checksum = ~fold(bpf_csum_diff(0, 0, (__be32 *)&error.icmp, sizeof(error.icmp),
						  sum_frame(skb, network, quote, 0)));
	if (make_room(skb, packet, quote, sizeof(error) + options))
		return -1;
	if (!options)
		return frame_store_uncovered(skb, network, &error, sizeof(error));
	/* What its options leave free is zero. */
	__builtin_memset(packet->answer_header, 0, sizeof(packet->answer_header));
	__builtin_memcpy(packet->answer_header, &error.ip, sizeof(error.ip));
	return frame_store_uncovered(skb, network, packet->answer_header,
				     sizeof(error.ip) + below(options, IPV4_OPTIONS_BUFFER)) |
	       frame_store_uncovered(skb, network + sizeof(error.ip) + options, &error.icmp,
				     sizeof(error.icmp));
}

VERIFIED_ONCE long make_ipv6_error(struct __sk_buff *skb, struct packet *packet,
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
	if (settle_sctp_checksum(skb, packet, quote))
		return -1;
	sum = sum_frame(skb, network, quote, 0);
	sum = bpf_csum_diff(0, 0, (__be32 *)&pseudo, sizeof(pseudo), sum);
	sum = bpf_csum_diff(0, 0, (__be32 *)&error.ip.saddr, 2 * sizeof(struct address), sum);
	sum = bpf_csum_diff(0, 0, (__be32 *)&error.icmp, sizeof(error.icmp), sum);
	error.icmp.checksum = ~fold(sum);
	if (make_room(skb, packet, quote, sizeof(error)))
		return -1;
	return frame_store_uncovered(skb, network, &error, sizeof(error));
}

/* The first fragment again, of those that the datagram came in: its identification is a new one. */
VERIFIED_ONCE long become_first_piece(struct __sk_buff *skb, struct packet *packet)
{
	struct {
		__u8 next_header;
		__u8 zero;
		__be16 more;
		__be32 identification;
	} fragment = {.more = bpf_htons(1), .identification = random_number()};
	__u8 next_header = IPPROTO_FRAGMENT;
	__u32 network, header, named_at;
	__be16 length;

	if (!packet)
		return -1;
	network = packet->headers.network;
	header = packet->first_piece.header_length;
	named_at = network + packet->first_piece.named_at;
	length = bpf_htons(header + sizeof(fragment) + packet->first_piece.length -
			   sizeof(struct ipv6hdr));
	if (header < sizeof(struct ipv6hdr) || header > BEGINNING ||
	    bpf_skb_change_tail(skb, network + header + packet->first_piece.length, 0) ||
	    frame_load(skb, network, packet->beginning, below(header - 1, BEGINNING) + 1) ||
	    frame_load(skb, named_at, &fragment.next_header, sizeof(fragment.next_header)) ||
	    bpf_skb_adjust_room(skb, sizeof(fragment), BPF_ADJ_ROOM_MAC, 0) ||
	    frame_store_uncovered(skb, network, packet->beginning,
				  below(header - 1, BEGINNING) + 1) ||
	    frame_store_uncovered(skb, network + header, &fragment, sizeof(fragment)) ||
	    frame_store_uncovered(skb, named_at, &next_header, sizeof(next_header)) ||
	    frame_store_uncovered(skb, network + __builtin_offsetof(struct ipv6hdr, payload_len),
				  &length, sizeof(length)))
		return -1;
	packet->headers.end = network + header + sizeof(fragment) + packet->first_piece.length;
	packet->headers.transport += sizeof(fragment);
	if (packet->checksum_offset)
		packet->checksum_offset += sizeof(fragment);
	return 0;
}

/* By way of lo, fragments in IPv6 come to INPUT each by itself: with a connection already, they are not
 * put together again (ipv6_defrag()). */
static __always_inline int comes_in_pieces(const struct packet *packet)
{
	return packet->refused_at_input && packet->tuple.family == FAMILY_IPV6 &&
	       packet->first_piece.length;
}

/* nf_reject_verify_csum(); what was received has been checked by now. What has not is summed with its
 * IP header, whose checksum does not know what was written into options. */
static __always_inline int checksum_forbids_error(struct __sk_buff *skb,
						  const struct packet *packet)
{
	int verdict;

	if (!packet->host_origin || packet->tuple.protocol == IPPROTO_SCTP)
		return 0;
	verdict = transport_checksum(skb, packet);
	return verdict == CHECKSUM_WRONG ||
	       (verdict == CHECKSUM_RIGHT && packet->options_written && packet->checksum_offset);
}

/* icmpv6_route_lookup() answers no such address. Left out: the subnets of routes without a gateway. */
static __always_inline int is_anycast(const struct packet *packet, const struct address *client)
{
	struct local_address local;

	return packet->tuple.family == FAMILY_IPV6 && !packet->masqueraded_before_input &&
	       local_find(packet, client, &local) && local.flags & LOCAL_ADDRESS_SHARED;
}

/* icmp6_send() answers such a client where it came in. */
static __always_inline int is_on_link(const struct packet *packet, const struct address *client)
{
	return packet->tuple.family == FAMILY_IPV6 && !packet->host_origin &&
	       address_is_link_local(client);
}

/* In IPv6 only what an interface has. */
static __always_inline int answers_itself(const struct packet *packet, const struct address *own)
{
	return packet->tuple.family == FAMILY_IPV4 || address_is_configured(packet, own);
}

/* What routing gives to a packet from nowhere in particular to an address of the node. */
VERIFIED_ONCE int source_toward_own(const struct packet *packet, const struct address *own,
				    struct address *source)
{
	struct local_address local;

	if (!packet || !own || !source)
		return 0;
	*source = *own;
	if (packet->tuple.family == FAMILY_IPV4 && local_find(packet, own, &local))
		source->words[0] = local.source;
	return 1;
}

/* The source that the route to the client names or, where it names none, what any packet that
 * leaves by it gets. Kernels before 6.7 do not tell. */
VERIFIED_ONCE int source_of_route(struct __sk_buff *skb, const struct packet *packet,
				  struct address *source)
{
	struct bpf_fib_lookup lookup;
	struct address none = {};

	if (!packet || !source ||
	    fib_ask(skb, packet, &none, &packet->tuple.source, LOOPBACK_IFINDEX, 1,
		    BPF_FIB_LOOKUP_SRC | BPF_FIB_LOOKUP_SKIP_NEIGH, &lookup))
		return 0;
	if (packet->tuple.family == FAMILY_IPV4)
		source->words[0] = lookup.ipv4_src;
	else
		__builtin_memcpy(source, lookup.ipv6_src, sizeof(*source));
	return 1;
}

/* The route names the very source that it would have anyway, which no helper tells. Left out: an
 * interface where some routes of a kind do and others do not. */
static __always_inline int route_names_usual_source(const struct packet *packet)
{
	const struct interface_settings *interface = interface_find(packet, packet->route.ifindex);

	return interface && interface->flags & INTERFACE_GATEWAYS_NAME_SOURCE &&
	       !address_equal(&packet->route.next_hop, &packet->tuple.source);
}

/* Unless the route names a source, icmp6_send() would rather be seen where the packet came in. */
static __always_inline int answers_where_it_came_in(const struct packet *packet,
						    const struct address *source)
{
	struct address usual = {};

	if (packet->tuple.family == FAMILY_IPV4 || packet->host_origin ||
	    packet->ifindex == packet->route.ifindex)
		return 0;
	return select_source(packet, packet->route.ifindex, &packet->tuple.source, SCOPE_LINK,
			     &usual) &&
	       address_equal(&usual, source) && !route_names_usual_source(packet);
}

/* The address of the node's own that an answer to the client has. 0: there is none. */
VERIFIED_ONCE int source_toward_client(struct __sk_buff *skb, const struct packet *packet,
				       struct address *source)
{
	__u32 ifindex;

	if (!packet || !source)
		return 0;
	ifindex = packet->route.ifindex;
	if (source_of_route(skb, packet, source)) {
		if (!answers_where_it_came_in(packet, source))
			return 1;
		ifindex = packet->ifindex;
	} else if (packet->tuple.family == FAMILY_IPV6 && !packet->host_origin) {
		ifindex = packet->ifindex;
	}
	return select_source(packet, ifindex, &packet->tuple.source, SCOPE_LINK, source);
}

/* Writes what the stack would have written by now. How many bytes of options the answer gets;
 * negative where there will be none. */
static __always_inline int options_for_answer(struct __sk_buff *skb, struct packet *packet)
{
	struct address own = {};

	if (!packet->record_route && !packet->timestamp && !packet->options_end)
		return 0;
	if (!packet->recorded) {
		if (packet->route.kind == ROUTE_LOCAL)
			source_toward_own(packet, &packet->tuple.source, &own);
		else
			source_toward_client(skb, packet, &own);
		packet->recorded = own.words[0];
	}
	if (write_into_options(skb, packet, packet->recorded))
		return -1;
	return answer_options_length(skb, packet);
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
	int options;
	long error;

	if (!packet)
		return ACTION_DROP;
	client = &packet->tuple.source;
	if (is_in_fragments(packet))
		return hold(packet);
	if (packet->headers.fragment == FRAGMENT_LATER || address_is_zero(client) ||
	    is_anycast(packet, client))
		return drop(packet, DROP_REJECT_SILENT);
	if (comes_in_pieces(packet) && become_first_piece(skb, packet))
		return drop(packet, DROP_REWRITE);
	route_find(skb, packet, &packet->tuple.destination, client,
		   is_on_link(packet, client) ? packet->ifindex : LOOPBACK_IFINDEX);
	if (from)
		source = *from;
	else if (packet->route.kind == ROUTE_LOCAL && answers_itself(packet, client))
		source_toward_own(packet, client, &source);
	else if (!source_toward_client(skb, packet, &source) && packet->tuple.family == FAMILY_IPV6)
		return drop(packet, DROP_REJECT_SILENT);
	/* A node without an IPv4 address has one for this. */
	if (packet->tuple.family == FAMILY_IPV4 && !source.words[0])
		source.words[0] = bpf_htonl(IPV4_DUMMY);
	if (packet->route.kind == ROUTE_REFUSED)
		return drop(packet, DROP_REJECT_SILENT);
	if (forwarded && change_ttl(skb, packet, -1))
		return drop(packet, DROP_REWRITE);
	options = options_for_answer(skb, packet);
	if (options < 0 || checksum_forbids_error(skb, packet))
		return drop(packet, DROP_REJECT_SILENT);
	error = packet->tuple.family == FAMILY_IPV4 ? make_ipv4_error(skb, packet, &source, options)
						    : make_ipv6_error(skb, packet, &source);
	if (error || (options && finish_ipv4_header(skb, packet, options)))
		return drop(packet, DROP_REWRITE);
	packet->trace.flags |= TRACE_REJECTED;
	packet->route.too_long = 0;
	/* IPv6 lets a source of the node's own come in. */
	if (packet->host_origin || packet->route.kind == ROUTE_LOCAL)
		return deliver_by_route(skb, packet, REASON_REJECTED);
	return deliver_to_neighbour(skb, packet, REASON_REJECTED);
}
