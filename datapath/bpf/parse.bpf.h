/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From bytes to headers and tuples, for packets and for those that ICMP errors quote. Nothing is
 * read past the IP packet's own length, and what the IP stack would refuse is left to it.
 * Follows net/ipv4/ip_input.c, net/ipv6/ip6_input.c, net/ipv6/exthdrs_core.c and
 * net/netfilter/nf_conntrack_proto*.c. Leaves out: jumbograms, encryption headers.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "icmp.bpf.h"
#include "packet.bpf.h"
#include "sctp_track.bpf.h"

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV4_FRAGMENT_OFFSET 0x1fff
#define IPV6_EXTENSION_HEADERS_MAX (1 << 20) /* more than any frame has room for */
#define IPV6_FRAGMENT_HEADER 8
#define QUOTED_TRANSPORT 8 /* bytes that every error quotes of it (RFC 792) */

static __always_inline int ipv4_header_sum_is_right(frame_t *frame, __u32 offset, __u32 length)
{
	__be32 words[15] = {};
	__u32 sum;

	if (length > sizeof(words) || length < sizeof(struct iphdr))
		return 0;
	if (frame_load(frame, offset, words, length))
		return 0;
	sum = bpf_csum_diff(0, 0, words, sizeof(words), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

/* `limit`: where the bytes that may be looked at end. A quoted packet ends there, whatever version
 * and length it claims: connection tracking asks for neither (ipv4_get_l4proto()). */
static __always_inline int parse_ipv4(frame_t *frame, struct headers *headers, struct tuple *tuple,
				      __u32 limit, int quoted)
{
	struct iphdr ip;
	__u32 header_length, total_length;
	__u16 fragment;

	if (headers->network + sizeof(ip) > limit ||
	    frame_load(frame, headers->network, &ip, sizeof(ip)))
		return PARSE_MALFORMED;
	header_length = ip.ihl * 4;
	total_length = bpf_ntohs(ip.tot_len);
	if (!total_length && frame_segment_size(frame)) /* too long to say: BIG TCP */
		total_length = limit - headers->network;
	headers->transport = headers->network + header_length;
	headers->end = quoted ? limit : headers->network + total_length;
	if (headers->end > limit || headers->transport > headers->end)
		return PARSE_MALFORMED;
	if (!quoted && (ip.version != 4 || header_length < sizeof(ip) ||
			!ipv4_header_sum_is_right(frame, headers->network, header_length)))
		return PARSE_MALFORMED;
	fragment = bpf_ntohs(ip.frag_off);
	headers->dont_fragment = !!(fragment & IPV4_DONT_FRAGMENT);
	headers->identification = ip.id;
	headers->ttl = ip.ttl;
	headers->tos = ip.tos;
	if (fragment & IPV4_FRAGMENT_OFFSET)
		headers->fragment = FRAGMENT_LATER;
	else if (fragment & IPV4_MORE_FRAGMENTS)
		headers->fragment = FRAGMENT_FIRST;
	else
		headers->fragment = FRAGMENT_NONE;
	headers->share = headers->transport;
	headers->share_at = (fragment & IPV4_FRAGMENT_OFFSET) * 8;
	headers->more_fragments = !!(fragment & IPV4_MORE_FRAGMENTS);
	tuple->source.words[0] = ip.saddr;
	tuple->destination.words[0] = ip.daddr;
	tuple->protocol = ip.protocol;
	return PARSE_OK;
}

static __always_inline int is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_AH || next == IPPROTO_FRAGMENT;
}

/* Where a walk over the extension headers of an IPv6 packet is. */
struct extension_walk {
	frame_t *frame;
	struct headers *headers;
	__u32 at;
	__u32 named_at; /* the field that says what stands there */
	__u8 next; /* what that is */
	__u8 cut; /* a fragment header was cut short */
	__u8 has_length; /* of its payload, in the fixed header */
	__u8 result; /* enum parse_result */
};

static __always_inline void read_fragment_header(struct headers *headers, __u32 at, __u32 named_at,
						 __be16 offset, __be32 identification)
{
	headers->identification = identification;
	headers->fragment_header = at;
	headers->fragment_header_named_at = named_at;
	headers->share = at + IPV6_FRAGMENT_HEADER;
	headers->share_at = bpf_ntohs(offset) & ~7;
	headers->more_fragments = !!(offset & bpf_htons(1));
	if (headers->share_at)
		headers->fragment = FRAGMENT_LATER;
	else if (headers->more_fragments)
		headers->fragment = FRAGMENT_FIRST;
}

/* One of them; 1 at the end of all. */
static long parse_extension(__u32 index __attribute__((unused)), void *data)
{
	struct extension_walk *walk = data;
	struct headers *headers = walk->headers;
	struct {
		__u8 next;
		__u8 length;
		__be16 offset;
		__be32 identification;
	} extension = {};
	__u32 at = walk->at, end = headers->end;
	__u32 size = 2; /* as much of it as has to be there */
	__u8 type = walk->next;
	int is_fragment = type == IPPROTO_FRAGMENT;

	if (!is_extension(type) || headers->fragment == FRAGMENT_LATER)
		return 1;
	if (is_fragment) {
		walk->cut = walk->has_length && at <= end && at + sizeof(extension) > end;
		size = walk->cut ? 4 : sizeof(extension);
	}
	headers->chain_broken = at + size > end || frame_load(walk->frame, at, &extension, size);
	/* What is cut short is no fragment, but may be dropped as one (nf_ct_frag6_gather()). */
	if (headers->chain_broken ||
	    (is_fragment && walk->cut && bpf_ntohs(extension.offset) & ~7)) {
		walk->result = walk->cut ? PARSE_REFUSED_FRAGMENT : PARSE_NO_TRANSPORT;
		return 1;
	}
	if (is_fragment && !walk->cut && headers->fragment_header) {
		if (bpf_ntohs(extension.offset) & ~7) {
			headers->nested_fragment = NESTED_LATER;
			walk->result = PARSE_NO_TRANSPORT;
			return 1;
		}
		headers->nested_fragment = NESTED_ATOMIC;
	} else if (is_fragment && !walk->cut) {
		read_fragment_header(headers, at, walk->named_at, extension.offset,
				     extension.identification);
	}
	walk->named_at = at;
	walk->next = extension.next;
	if (is_fragment)
		walk->at = at + IPV6_FRAGMENT_HEADER;
	else if (type == IPPROTO_AH)
		walk->at = at + (extension.length + 2) * 4;
	else
		walk->at = at + (extension.length + 1) * 8;
	return 0;
}

static __always_inline int parse_ipv6(frame_t *frame, struct headers *headers, struct tuple *tuple,
				      __u32 limit, int quoted)
{
	struct extension_walk walk = {.frame = frame, .headers = headers};
	struct ipv6hdr ip;

	if (headers->network + sizeof(ip) > limit ||
	    frame_load(frame, headers->network, &ip, sizeof(ip)))
		return PARSE_MALFORMED;
	headers->end = headers->network + sizeof(ip) + bpf_ntohs(ip.payload_len);
	/* Ahead of options for every hop, no length may mean a jumbogram (ip6_rcv_core()). */
	if (quoted ||
	    (!ip.payload_len && (ip.nexthdr == IPPROTO_HOPOPTS || frame_segment_size(frame))))
		headers->end = limit;
	if (!quoted && (ip.version != 6 || headers->end > limit))
		return PARSE_MALFORMED;
	headers->fragment = FRAGMENT_NONE;
	headers->fragment_header = 0;
	headers->nested_fragment = NESTED_NONE;
	headers->dont_fragment = 1;
	headers->ttl = ip.hop_limit;
	headers->hop_by_hop = ip.nexthdr == IPPROTO_HOPOPTS;
	headers->tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	__builtin_memcpy(&tuple->source, &ip.saddr, sizeof(tuple->source));
	__builtin_memcpy(&tuple->destination, &ip.daddr, sizeof(tuple->destination));

	walk.at = headers->network + sizeof(ip);
	walk.named_at = headers->network + __builtin_offsetof(struct ipv6hdr, nexthdr);
	walk.next = ip.nexthdr;
	walk.has_length = !!ip.payload_len;
	if (is_extension(walk.next))
		bpf_loop(IPV6_EXTENSION_HEADERS_MAX, parse_extension, &walk, 0);
	/* What an extension header leads to may be missing altogether. */
	headers->transport =
		walk.result == PARSE_OK && walk.at < headers->end ? walk.at : headers->end;
	if (walk.result != PARSE_OK)
		return walk.result;
	if (walk.next == IPPROTO_NONE)
		return PARSE_NO_TRANSPORT;
	tuple->protocol = walk.next;
	return PARSE_OK;
}

static __always_inline int parse_ip(frame_t *frame, struct headers *headers, struct tuple *tuple,
				    __u32 limit, int quoted)
{
	return tuple->family == FAMILY_IPV4 ? parse_ipv4(frame, headers, tuple, limit, quoted)
					    : parse_ipv6(frame, headers, tuple, limit, quoted);
}

/* A length below that of the header is wrong anywhere; the rest of one beyond a first fragment may
 * stand in the next. */
static __always_inline int parse_tcp(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	struct tcphdr tcp;
	__u32 header_length, length = headers->end - headers->transport;

	packet->tcp.whole = 0;
	if (headers->transport + sizeof(tcp) > headers->end ||
	    frame_load(frame, headers->transport, &tcp, sizeof(tcp)))
		return 0;
	header_length = tcp.doff * 4;
	packet->broken = header_length < sizeof(tcp);
	if (packet->broken || header_length > length)
		return 0;
	packet->tcp.whole = 1;
	packet->tcp.sequence = bpf_ntohl(tcp.seq);
	packet->tcp.acknowledgment = bpf_ntohl(tcp.ack_seq);
	packet->tcp.window = bpf_ntohs(tcp.window);
	packet->tcp.header_length = header_length;
	packet->tcp.flags = ((const __u8 *)&tcp)[13];
	packet->tcp.payload_length = length - header_length + tcp.syn + tcp.fin;
	packet->checksum_offset = headers->transport + __builtin_offsetof(struct tcphdr, check);
	return 1;
}

/* Protocols whose ports we know. */
static __always_inline int has_port_numbers(const struct tuple *tuple)
{
	return tuple->protocol == IPPROTO_TCP || tuple->protocol == IPPROTO_UDP ||
	       tuple->protocol == IPPROTO_SCTP;
}

static __always_inline int load_ports(frame_t *frame, const struct headers *headers,
				      struct tuple *tuple)
{
	struct {
		__be16 source;
		__be16 destination;
	} ports;

	if (headers->transport + sizeof(ports) > headers->end ||
	    frame_load(frame, headers->transport, &ports, sizeof(ports)))
		return 0;
	tuple->source_port = ports.source;
	tuple->destination_port = ports.destination;
	return 1;
}

static __always_inline int parse_quoted_icmp(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->quoted_headers;
	struct icmp_header icmp;

	if (frame_load(frame, headers->transport, &icmp, sizeof(icmp)) ||
	    !icmp_ports(&icmp, &packet->quoted))
		return ERROR_ABOUT_NOTHING;
	packet->quoted_checksum_offset =
		headers->transport + __builtin_offsetof(struct icmp_header, checksum);
	return ERROR_ABOUT_FLOW;
}

/* The packet that an ICMP error quotes: ports are all that it takes to tell the flow. */
static __always_inline int parse_quoted(frame_t *frame, struct packet *packet)
{
	struct headers *headers = &packet->quoted_headers;
	struct tuple *tuple = &packet->quoted;

	headers->network = packet->headers.transport + sizeof(struct icmp_header);
	headers->identification = 0;
	tuple->family = packet->tuple.family;
	tuple->space = TUPLE_SPACE_WIRE;
	tuple->protocol = 0;
	if (parse_ip(frame, headers, tuple, packet->headers.end, 1) != PARSE_OK)
		return ERROR_ABOUT_NOTHING;
	if (headers->fragment == FRAGMENT_LATER)
		return ERROR_ABOUT_NOTHING;
	if (!is_icmp(tuple) && !has_port_numbers(tuple))
		return ERROR_ABOUT_FLOW;
	packet->quoted_short = headers->transport + QUOTED_TRANSPORT > headers->end;
	if (is_icmp(tuple))
		return packet->quoted_short ? ERROR_ABOUT_NOTHING
					    : parse_quoted_icmp(frame, packet);
	if (!load_ports(frame, headers, tuple))
		return ERROR_ABOUT_NOTHING;
	/* As netfilter does, the checksum only where the header is there as far as it. */
	if (packet->quoted_short)
		return ERROR_ABOUT_FLOW;
	if (tuple->protocol == IPPROTO_UDP)
		packet->quoted_checksum_offset =
			headers->transport + __builtin_offsetof(struct udphdr, check);
	else if (tuple->protocol == IPPROTO_TCP &&
		 headers->transport + sizeof(struct tcphdr) <= headers->end)
		packet->quoted_checksum_offset =
			headers->transport + __builtin_offsetof(struct tcphdr, check);
	return ERROR_ABOUT_FLOW;
}

static __always_inline void parse_icmp(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	struct icmp_header icmp;
	__u8 class;

	if (headers->transport + sizeof(icmp) > headers->end ||
	    frame_load(frame, headers->transport, &icmp, sizeof(icmp))) {
		packet->broken = 1;
		return;
	}
	class = icmp_class_of(packet->tuple.family, icmp.type);
	packet->icmp_class = class;
	packet->broken = class == ICMP_CLASS_NONE;
	packet->icmp_type = icmp.type;
	packet->checksum_offset =
		headers->transport + __builtin_offsetof(struct icmp_header, checksum);
	if (class != ICMP_CLASS_ERROR)
		packet->tracked = icmp_ports(&icmp, &packet->tuple);
	/* What comes in is looked at when it is whole (tells_too_little()); on the way out the first
	 * fragment has what is to be translated. */
	else if (headers->fragment == FRAGMENT_NONE || packet->trace.program == PROGRAM_TC_EGRESS)
		packet->error = parse_quoted(frame, packet);
}

/* A length below that of the header is wrong anywhere; one beyond the packet only where this is all
 * of the datagram. */
static __always_inline int parse_udp(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	struct udphdr udp;
	__u32 length;

	if (headers->transport + sizeof(udp) > headers->end ||
	    frame_load(frame, headers->transport, &udp, sizeof(udp)))
		return 0;
	length = bpf_ntohs(udp.len);
	if (udp.check)
		packet->checksum_offset =
			headers->transport + __builtin_offsetof(struct udphdr, check);
	packet->broken = length < sizeof(udp) ||
			 (headers->fragment == FRAGMENT_NONE && !packet->segment_size &&
			  length > headers->end - headers->transport);
	return 1;
}

static __always_inline int parse_sctp(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	__u32 least = SCTP_HEADER;

	/* As far as chunks are read. */
	if (headers->fragment == FRAGMENT_FIRST)
		least += SCTP_INIT_HEADER;
	return headers->transport + least <= headers->end &&
	       !frame_load(frame, headers->transport + 4, &packet->sctp_tag,
			   sizeof(packet->sctp_tag));
}

/* Whether the header is there as far as connection tracking wants to see it. */
static __always_inline int parse_transport(frame_t *frame, struct packet *packet)
{
	if (packet->tuple.protocol == IPPROTO_TCP)
		return parse_tcp(frame, packet);
	if (packet->tuple.protocol == IPPROTO_SCTP)
		return parse_sctp(frame, packet);
	return parse_udp(frame, packet);
}

/* IPv6: the transport header is not all in the first fragment. netfilter does not take that for one
 * (ipv6frag_thdr_truncated()). */
static __always_inline int fragment_cuts_header(const struct headers *headers, __u8 protocol)
{
	__u32 least = 1;

	if (!headers->fragment_header || headers->fragment == FRAGMENT_LATER)
		return 0;
	if (protocol == IPPROTO_TCP)
		least = sizeof(struct tcphdr);
	else if (protocol == IPPROTO_UDP || protocol == IPPROTO_ICMPV6)
		least = sizeof(struct udphdr);
	return headers->end - headers->transport < least;
}

/* IPv6: it ends within eight bytes, though more are to come. netfilter lets it be (nf_ct_frag6_queue()). */
static __always_inline int fragment_is_no_piece(const struct headers *headers)
{
	return headers->fragment_header && headers->more_fragments &&
	       (headers->end - headers->share) % 8;
}

/* IPv6: netfilter takes the first fragment header off where that cuts nothing, and then looks at no
 * other: with the rest of a fragment ahead of it, the whole is not what checksums are about. */
static __always_inline int fragment_was_taken_off(const struct packet *packet)
{
	return packet->largest_fragment && packet->headers.fragment_header;
}

/* tuple.family is known; all else is found here. */
static __noinline int parse_packet(frame_t *frame, struct packet *packet)
{
	struct headers *headers = &packet->headers;
	struct tuple *tuple = &packet->tuple;
	int result = parse_ip(frame, headers, tuple, frame_length(frame), 0);

	if (result != PARSE_OK)
		return result;
	if (fragment_was_taken_off(packet)) {
		if (headers->fragment == FRAGMENT_LATER)
			result = PARSE_NO_TRANSPORT;
		headers->fragment = FRAGMENT_NONE;
		headers->fragment_header = 0;
		if (result != PARSE_OK)
			return result;
	}
	if (headers->fragment == FRAGMENT_LATER && fragment_is_no_piece(headers))
		return PARSE_NO_TRANSPORT;
	if (fragment_cuts_header(headers, tuple->protocol) || fragment_is_no_piece(headers)) {
		headers->lone_first = headers->more_fragments;
		headers->fragment = FRAGMENT_NONE;
		headers->fragment_header = 0;
	}
	if (!is_icmp(tuple) && !has_port_numbers(tuple)) {
		packet->portless = 1;
		packet->broken = is_foreign_icmp(tuple);
		packet->tracked = !packet->broken;
		return PARSE_OK;
	}
	/* Its ports only the first has (fragments.bpf.h). */
	if (headers->fragment == FRAGMENT_LATER)
		return PARSE_OK;
	if (is_icmp(tuple)) {
		parse_icmp(frame, packet);
		return PARSE_OK;
	}
	if (load_ports(frame, headers, tuple))
		packet->tracked = parse_transport(frame, packet);
	/* The rest of a header may stand in the next fragment. */
	if (!packet->tracked && headers->fragment == FRAGMENT_NONE)
		packet->broken = 1;
	return PARSE_OK;
}
