/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes addresses and ports of the packet that an ICMP error quotes, with the quoted checksums
 * over them and that of the error (net/netfilter/nf_nat_proto.c).
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "frame.bpf.h"
#include "icmp.bpf.h"
#include "packet.bpf.h"
#include "sctp_checksum.bpf.h"
#include "translate.bpf.h"
#include "tuple.bpf.h"
#include "verified_once.bpf.h"

#define CHECKSUM_MANGLED_ZERO 0xffff

/* Bytes that an ICMP error quotes; its own checksum covers them. */
static __always_inline long store_quoted(frame_t *frame, const struct packet *packet, __u32 at,
					 const void *from, const void *to, __u32 size)
{
	long error;

	if (size == sizeof(__be16)) {
		error = frame_change_l4_sum(frame, packet->checksum_offset, *(const __be16 *)from,
					    *(const __be16 *)to, sizeof(__be16));
	} else {
		__s64 difference = bpf_csum_diff((__be32 *)from, size, (__be32 *)to, size, 0);

		error = frame_change_l4_sum(frame, packet->checksum_offset, 0, difference, 0);
	}
	return error | frame_store(frame, at, to, size);
}

/* A checksum of the quoted packet, over words that changed by `difference`. */
static __always_inline long change_quoted_checksum(frame_t *frame, const struct packet *packet,
						   __u32 at, __u32 difference, int zero_means_none)
{
	__u16 old, sum;

	if (frame_load(frame, at, &old, sizeof(old)))
		return -1;
	if (zero_means_none && !old)
		return 0;
	sum = ~fold((__u32)(__u16)~old + fold(difference));
	if (zero_means_none && !sum)
		sum = CHECKSUM_MANGLED_ZERO;
	return store_quoted(frame, packet, at, &old, &sum, sizeof(sum));
}

static __always_inline long store_quoted_address(frame_t *frame, const struct packet *packet,
						 const struct address *from,
						 const struct address *to, int is_source)
{
	__u32 network = packet->quoted_headers.network;

	if (packet->quoted.family == FAMILY_IPV4)
		return store_quoted(frame, packet,
				    network + (is_source ? IPV4_SOURCE : IPV4_DESTINATION),
				    from->words, to->words, sizeof(__be32));
	return store_quoted(frame, packet, network + (is_source ? IPV6_SOURCE : IPV6_DESTINATION),
			    from->words, to->words, sizeof(*to));
}

/* As sctp_manip_pkt() leaves it: the checksum of what is quoted, even where that is only a part. */
#define remake_quoted_sctp_checksum BY_FRAME(remake_quoted_sctp_checksum)
VERIFIED_ONCE long remake_quoted_sctp_checksum(frame_t *frame, const struct packet *packet)
{
	const struct headers *headers;
	__u32 at, old, sum;

	if (!packet)
		return -1;
	headers = &packet->quoted_headers;
	at = headers->transport + SCTP_CHECKSUM;
	if (at + sizeof(sum) > headers->end || frame_load(frame, at, &old, sizeof(old)))
		return 0;
	sum = sctp_checksum(frame, headers->transport, headers->end - headers->transport);
	return store_quoted(frame, packet, at, &old, &sum, sizeof(sum));
}

/* Makes `packet->quoted` `packet->quoted_to`. */
#define translate_quoted BY_FRAME(translate_quoted)
VERIFIED_ONCE long translate_quoted(frame_t *frame, const struct packet *packet)
{
	const struct headers *headers;
	const struct tuple *from, *to;
	__u32 addresses, ports;
	long error = 0;
	__be32 pair[2];

	if (!packet)
		return -1;
	headers = &packet->quoted_headers;
	from = &packet->quoted;
	to = &packet->quoted_to;
	/* Over a checksum of 0xffff even a change of nothing shows. */
	if (tuple_keeps(from, to))
		return 0;
	/* Source and destination stand side by side in a tuple, as in the headers. */
	addresses = bpf_csum_diff((__be32 *)&from->source, 2 * sizeof(struct address),
				  (__be32 *)&to->source, 2 * sizeof(struct address), 0);
	pair[0] = from->source_port | (__u32)from->destination_port << 16;
	pair[1] = to->source_port | (__u32)to->destination_port << 16;
	/* ICMP's own checksum covers no addresses. */
	ports = bpf_csum_diff(&pair[0], sizeof(pair[0]), &pair[1], sizeof(pair[1]),
			      from->protocol == IPPROTO_ICMP ? 0 : addresses);

	if (packet->quoted.family == FAMILY_IPV4)
		error |= change_quoted_checksum(frame, packet, headers->network + IPV4_CHECKSUM,
						addresses, 0);
	if (packet->quoted_checksum_offset)
		error |= change_quoted_checksum(frame, packet, packet->quoted_checksum_offset,
						ports, from->protocol == IPPROTO_UDP);
	if (!address_equal(&from->source, &to->source))
		error |= store_quoted_address(frame, packet, &from->source, &to->source, 1);
	if (!address_equal(&from->destination, &to->destination))
		error |= store_quoted_address(frame, packet, &from->destination, &to->destination,
					      0);
	if (from->source_port != to->source_port)
		error |= store_quoted(frame, packet,
				      headers->transport + (is_icmp(from) ? ICMP_IDENTIFIER : 0),
				      &from->source_port, &to->source_port, sizeof(__be16));
	if (from->destination_port != to->destination_port)
		error |= store_quoted(
			frame, packet, headers->transport + (is_icmp(from) ? ICMP_IDENTIFIER : 2),
			&from->destination_port, &to->destination_port, sizeof(__be16));
	if (from->protocol == IPPROTO_SCTP)
		error |= remake_quoted_sctp_checksum(frame, packet);
	return error;
}
