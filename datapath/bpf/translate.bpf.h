/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes addresses and ports of a packet, with every checksum over them, and its TTL. Checksums are
 * changed as the kind of frame wants it; UDP that came without one stays so. What netfilter does:
 * net/netfilter/nf_nat_proto.c.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "frame.bpf.h"
#include "icmp.bpf.h"
#include "packet.bpf.h"
#include "sctp_checksum.bpf.h"
#include "sctp_track.bpf.h"
#include "tuple.bpf.h"
#include "verified_once.bpf.h"

#define IPV4_CHECKSUM __builtin_offsetof(struct iphdr, check)
#define IPV4_SOURCE __builtin_offsetof(struct iphdr, saddr)
#define IPV4_DESTINATION __builtin_offsetof(struct iphdr, daddr)
#define IPV6_SOURCE __builtin_offsetof(struct ipv6hdr, saddr)
#define IPV6_DESTINATION __builtin_offsetof(struct ipv6hdr, daddr)

static __always_inline __u64 checksum_flags(const struct packet *packet)
{
	return packet->tuple.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

static __always_inline long change_address(frame_t *frame, const struct packet *packet,
					   const struct address *from, const struct address *to,
					   int is_source)
{
	__u32 network = packet->headers.network;
	__u32 checksum = packet->checksum_offset;
	__u64 flags = checksum_flags(packet);
	long error = 0;

	if (packet->tuple.family == FAMILY_IPV4) {
		if (checksum && packet->tuple.protocol != IPPROTO_ICMP)
			error = frame_change_l4_sum(frame, checksum, from->words[0], to->words[0],
						    flags | BPF_F_PSEUDO_HDR | sizeof(__be32));
		error |= frame_change_l3_sum(frame, network + IPV4_CHECKSUM, from->words[0],
					     to->words[0], sizeof(__be32));
		return error |
		       frame_store(frame, network + (is_source ? IPV4_SOURCE : IPV4_DESTINATION),
				   to->words, sizeof(__be32));
	}
	network += is_source ? IPV6_SOURCE : IPV6_DESTINATION;
	if (!checksum)
		return frame_store_uncovered(frame, network, to->words, sizeof(*to));
	error = frame_change_pseudo_header_ipv6(frame, checksum,
						bpf_csum_diff((__be32 *)from->words, sizeof(*from),
							      (__be32 *)to->words, sizeof(*to), 0),
						flags);
	return error | frame_store(frame, network, to->words, sizeof(*to));
}

static __always_inline long change_port(frame_t *frame, const struct packet *packet, __be16 from,
					__be16 to, __u32 offset)
{
	long error;

	offset += packet->headers.transport;
	if (!packet->checksum_offset)
		return frame_store_uncovered(frame, offset, &to, sizeof(to));
	error = frame_change_l4_sum(frame, packet->checksum_offset, from, to,
				    checksum_flags(packet) | sizeof(__be16));
	return error | frame_store(frame, offset, &to, sizeof(to));
}

static __always_inline __u32 port_change(const struct tuple *from, const struct tuple *to)
{
	return (__u16)(from->source_port ^ to->source_port) |
	       (__u32)(__u16)(from->destination_port ^ to->destination_port) << 16;
}

/* A first fragment's checksum depends on how long the datagram is, which its chunks foretell. */
static __always_inline long translate_sctp_checksum(frame_t *frame, const struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	__u32 change = port_change(&packet->tuple, &packet->to), end = headers->end;

	if (!change || frame_sum_is_pending(frame))
		return 0;
	if (headers->fragment == FRAGMENT_FIRST) {
		__u32 length = sctp_foreseen_length(frame, headers->transport, end);

		if (!length)
			return -1;
		end = headers->transport + length;
	}
	return change_sctp_checksum(frame, headers->transport, end, change);
}

/* Nobody has looked at the checksum of what a process of the node sends, and sctp_manip_pkt() makes
 * it anew. */
static __always_inline long remake_sctp_checksum(frame_t *frame, const struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	__u32 at = headers->transport + SCTP_CHECKSUM, sum;

	if (tuple_keeps(&packet->tuple, &packet->to) || frame_sum_is_pending(frame))
		return 0;
	sum = sctp_checksum(frame, headers->transport, headers->end - headers->transport);
	return frame_store_uncovered(frame, at, &sum, sizeof(sum));
}

/* Makes `packet->tuple` `packet->to`. 0, or what a helper says. */
#define translate BY_FRAME(translate)
VERIFIED_ONCE long translate(frame_t *frame, const struct packet *packet)
{
	const struct tuple *from, *to;
	long error = 0;

	if (!packet)
		return -1;
	from = &packet->tuple;
	to = &packet->to;
	if (!address_equal(&from->source, &to->source))
		error |= change_address(frame, packet, &from->source, &to->source, 1);
	if (!address_equal(&from->destination, &to->destination))
		error |= change_address(frame, packet, &from->destination, &to->destination, 0);
	if (packet->error || packet->headers.fragment == FRAGMENT_LATER)
		return error;
	if (from->source_port != to->source_port)
		error |= change_port(frame, packet, from->source_port, to->source_port,
				     is_icmp(from) ? ICMP_IDENTIFIER : 0);
	if (from->destination_port != to->destination_port)
		error |= change_port(frame, packet, from->destination_port, to->destination_port,
				     is_icmp(from) ? ICMP_IDENTIFIER : 2);
	if (from->protocol == IPPROTO_SCTP && packet->host_origin &&
	    packet->headers.fragment == FRAGMENT_NONE)
		error |= remake_sctp_checksum(frame, packet);
	else if (from->protocol == IPPROTO_SCTP)
		error |= translate_sctp_checksum(frame, packet);
	return error;
}

/* As ip_forward() leaves it for the FORWARD hook, or the reverse of that. */
#define change_ttl BY_FRAME(change_ttl)
VERIFIED_ONCE long change_ttl(frame_t *frame, const struct packet *packet, int by)
{
	__u32 network;
	__u8 ttl;

	if (!packet)
		return -1;
	network = packet->headers.network;
	ttl = packet->headers.ttl + by;
	if (packet->tuple.family == FAMILY_IPV6)
		return frame_store_uncovered(
			frame, network + __builtin_offsetof(struct ipv6hdr, hop_limit), &ttl,
			sizeof(ttl));
	if (frame_change_l3_sum(frame, network + __builtin_offsetof(struct iphdr, check),
				bpf_htons(packet->headers.ttl << 8), bpf_htons(ttl << 8),
				sizeof(__be16)))
		return -1;
	return frame_store(frame, network + __builtin_offsetof(struct iphdr, ttl), &ttl,
			   sizeof(ttl));
}
