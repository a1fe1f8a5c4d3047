/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes addresses and ports of a packet, and of the packet that an ICMP error quotes, with every
 * checksum over them. Checksums are changed by the kernel's helpers, which know packets whose
 * checksum is still to be computed or was computed by the device; a UDP checksum of zero stays
 * zero. What netfilter does: net/netfilter/nf_nat_proto.c.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "icmp.bpf.h"
#include "packet.bpf.h"
#include "sctp_checksum.bpf.h"
#include "tuple.bpf.h"

#define ERROR_INVALID 22
#define CHECKSUM_MANGLED_ZERO 0xffff

#define IPV4_CHECKSUM __builtin_offsetof(struct iphdr, check)
#define IPV4_SOURCE __builtin_offsetof(struct iphdr, saddr)
#define IPV4_DESTINATION __builtin_offsetof(struct iphdr, daddr)
#define IPV6_SOURCE __builtin_offsetof(struct ipv6hdr, saddr)
#define IPV6_DESTINATION __builtin_offsetof(struct ipv6hdr, daddr)

/* A transport checksum that covers a pseudo-header in which `difference` changed. Kernels before
 * 6.16 do not know BPF_F_IPV6, without which checksums computed by a device go wrong. */
static __always_inline long change_pseudo_header_ipv6(struct __sk_buff *skb, __u32 at,
						      __s64 difference, __u64 flags)
{
	long error =
		bpf_l4_csum_replace(skb, at, 0, difference, flags | BPF_F_PSEUDO_HDR | BPF_F_IPV6);

	if (error == -ERROR_INVALID)
		error = bpf_l4_csum_replace(skb, at, 0, difference, flags | BPF_F_PSEUDO_HDR);
	return error;
}

static __always_inline __u64 checksum_flags(const struct packet *packet)
{
	return packet->tuple.protocol == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
}

static __always_inline long change_address(struct __sk_buff *skb, const struct packet *packet,
					   const struct address *from, const struct address *to,
					   int is_source)
{
	__u32 network = packet->headers.network;
	__u32 checksum = packet->checksum_offset;
	__u64 flags = checksum_flags(packet);
	long error = 0;

	if (packet->tuple.family == FAMILY_IPV4) {
		if (checksum && packet->tuple.protocol != IPPROTO_ICMP)
			error = bpf_l4_csum_replace(skb, checksum, from->words[0], to->words[0],
						    flags | BPF_F_PSEUDO_HDR | sizeof(__be32));
		error |= bpf_l3_csum_replace(skb, network + IPV4_CHECKSUM, from->words[0],
					     to->words[0], sizeof(__be32));
		return error | bpf_skb_store_bytes(
				       skb, network + (is_source ? IPV4_SOURCE : IPV4_DESTINATION),
				       to->words, sizeof(__be32), 0);
	}
	if (checksum) {
		__s64 difference = bpf_csum_diff((__be32 *)from->words, sizeof(*from),
						 (__be32 *)to->words, sizeof(*to), 0);

		error = change_pseudo_header_ipv6(skb, checksum, difference, flags);
	}
	return error |
	       bpf_skb_store_bytes(skb, network + (is_source ? IPV6_SOURCE : IPV6_DESTINATION),
				   to->words, sizeof(*to), 0);
}

static __always_inline long change_port(struct __sk_buff *skb, const struct packet *packet,
					__be16 from, __be16 to, __u32 offset)
{
	long error = 0;

	if (packet->checksum_offset)
		error = bpf_l4_csum_replace(skb, packet->checksum_offset, from, to,
					    checksum_flags(packet) | sizeof(__be16));
	return error |
	       bpf_skb_store_bytes(skb, packet->headers.transport + offset, &to, sizeof(to), 0);
}

static __always_inline __u32 port_change(const struct tuple *from, const struct tuple *to)
{
	return (__u16)(from->source_port ^ to->source_port) |
	       (__u32)(__u16)(from->destination_port ^ to->destination_port) << 16;
}

/* Nobody knows how long the datagram is that a first fragment begins, and its checksum depends on
 * that: such a packet is refused. */
static __always_inline long translate_sctp_checksum(struct __sk_buff *skb,
						    const struct packet *packet)
{
	__u32 change = port_change(&packet->tuple, &packet->to), old, sum;

	if (!change)
		return 0;
	if (packet->headers.fragment != FRAGMENT_NONE)
		return -1;
	return change_sctp_checksum(skb, packet->headers.transport, packet->headers.end, change,
				    &old, &sum);
}

/* Makes `packet->tuple` `packet->to`. 0, or what a helper says. */
static __noinline long translate(struct __sk_buff *skb, const struct packet *packet)
{
	const struct tuple *from = &packet->tuple;
	const struct tuple *to = &packet->to;
	long error = 0;

	if (!address_equal(&from->source, &to->source))
		error |= change_address(skb, packet, &from->source, &to->source, 1);
	if (!address_equal(&from->destination, &to->destination))
		error |= change_address(skb, packet, &from->destination, &to->destination, 0);
	if (packet->error || packet->headers.fragment == FRAGMENT_LATER)
		return error;
	if (from->source_port != to->source_port)
		error |= change_port(skb, packet, from->source_port, to->source_port,
				     is_icmp(from) ? ICMP_IDENTIFIER : 0);
	if (from->destination_port != to->destination_port)
		error |= change_port(skb, packet, from->destination_port, to->destination_port,
				     is_icmp(from) ? ICMP_IDENTIFIER : 2);
	if (from->protocol == IPPROTO_SCTP)
		error |= translate_sctp_checksum(skb, packet);
	return error;
}

/* Bytes that an ICMP error quotes; its own checksum covers them. */
static __always_inline long store_quoted(struct __sk_buff *skb, const struct packet *packet,
					 __u32 at, const void *from, const void *to, __u32 size)
{
	long error;

	if (size == sizeof(__be16)) {
		error = bpf_l4_csum_replace(skb, packet->checksum_offset, *(const __be16 *)from,
					    *(const __be16 *)to, sizeof(__be16));
	} else {
		__s64 difference = bpf_csum_diff((__be32 *)from, size, (__be32 *)to, size, 0);

		error = bpf_l4_csum_replace(skb, packet->checksum_offset, 0, difference, 0);
	}
	return error | bpf_skb_store_bytes(skb, at, to, size, 0);
}

/* A checksum of the quoted packet, over words that changed by `difference`. */
static __always_inline long change_quoted_checksum(struct __sk_buff *skb,
						   const struct packet *packet, __u32 at,
						   __u32 difference, int zero_means_none)
{
	__u16 old, sum;

	if (bpf_skb_load_bytes(skb, at, &old, sizeof(old)))
		return -ERROR_INVALID;
	if (zero_means_none && !old)
		return 0;
	sum = ~fold((__u32)(__u16)~old + fold(difference));
	if (zero_means_none && !sum)
		sum = CHECKSUM_MANGLED_ZERO;
	return store_quoted(skb, packet, at, &old, &sum, sizeof(sum));
}

static __always_inline long store_quoted_address(struct __sk_buff *skb, const struct packet *packet,
						 const struct address *from,
						 const struct address *to, int is_source)
{
	__u32 network = packet->quoted_headers.network;

	if (packet->quoted.family == FAMILY_IPV4)
		return store_quoted(skb, packet,
				    network + (is_source ? IPV4_SOURCE : IPV4_DESTINATION),
				    from->words, to->words, sizeof(__be32));
	return store_quoted(skb, packet, network + (is_source ? IPV6_SOURCE : IPV6_DESTINATION),
			    from->words, to->words, sizeof(*to));
}

/* Only where the quote is whole: of a shorter one nobody can know the checksum. */
static __always_inline long translate_quoted_sctp_checksum(struct __sk_buff *skb,
							   const struct packet *packet)
{
	const struct headers *headers = &packet->quoted_headers;
	__u32 change = port_change(&packet->quoted, &packet->quoted_to), old, sum;
	long error;

	if (!change || headers->truncated || headers->fragment != FRAGMENT_NONE ||
	    headers->transport + SCTP_CHECKSUM + sizeof(sum) > headers->end)
		return 0;
	error = change_sctp_checksum(skb, headers->transport, headers->end, change, &old, &sum);
	return error | bpf_l4_csum_replace(skb, packet->checksum_offset, old, sum, sizeof(sum));
}

/* Makes `packet->quoted` `packet->quoted_to`. */
static __noinline long translate_quoted(struct __sk_buff *skb, const struct packet *packet)
{
	const struct tuple *to = &packet->quoted_to;
	const struct headers *headers = &packet->quoted_headers;
	const struct tuple *from = &packet->quoted;
	__u32 addresses = 0, ports = 0;
	long error = 0;
	__be32 pair[2];

	/* Source and destination stand side by side in a tuple, as in the headers. */
	addresses = bpf_csum_diff((__be32 *)&from->source, 2 * sizeof(struct address),
				  (__be32 *)&to->source, 2 * sizeof(struct address), 0);
	pair[0] = from->source_port | (__u32)from->destination_port << 16;
	pair[1] = to->source_port | (__u32)to->destination_port << 16;
	/* ICMP's own checksum covers no addresses. */
	ports = bpf_csum_diff(&pair[0], sizeof(pair[0]), &pair[1], sizeof(pair[1]),
			      from->protocol == IPPROTO_ICMP ? 0 : addresses);

	if (packet->quoted.family == FAMILY_IPV4)
		error |= change_quoted_checksum(skb, packet, headers->network + IPV4_CHECKSUM,
						addresses, 0);
	if (packet->quoted_checksum_offset)
		error |= change_quoted_checksum(skb, packet, packet->quoted_checksum_offset, ports,
						from->protocol == IPPROTO_UDP);
	if (!address_equal(&from->source, &to->source))
		error |= store_quoted_address(skb, packet, &from->source, &to->source, 1);
	if (!address_equal(&from->destination, &to->destination))
		error |= store_quoted_address(skb, packet, &from->destination, &to->destination, 0);
	if (from->source_port != to->source_port)
		error |= store_quoted(skb, packet,
				      headers->transport + (is_icmp(from) ? ICMP_IDENTIFIER : 0),
				      &from->source_port, &to->source_port, sizeof(__be16));
	if (from->destination_port != to->destination_port)
		error |= store_quoted(
			skb, packet, headers->transport + (is_icmp(from) ? ICMP_IDENTIFIER : 2),
			&from->destination_port, &to->destination_port, sizeof(__be16));
	if (from->protocol == IPPROTO_SCTP)
		error |= translate_quoted_sctp_checksum(skb, packet);
	return error;
}
