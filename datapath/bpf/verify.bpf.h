/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether the transport checksum of a received packet is right: nf_ip_checksum() and
 * nf_ip6_checksum() (net/netfilter/utils.c), which connection tracking asks in PREROUTING
 * (nf_conntrack_checksum). Nobody asks where the device vouches for the packet, where the checksum
 * is still to be computed, and about a fragment, which says nothing before the last of its datagram.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "frame.bpf.h"
#include "icmp.bpf.h"
#include "packet.bpf.h"
#include "sctp_checksum.bpf.h"
#include "verified_once.bpf.h"

static __always_inline __u32 sum_pseudo_header(const struct packet *packet, __u32 length, __u32 sum)
{
	const struct tuple *tuple = &packet->tuple;
	struct {
		__be32 length;
		__be32 protocol;
	} rest = {bpf_htonl(length), bpf_htonl(tuple->protocol)};

	sum = bpf_csum_diff(0, 0, (__be32 *)&rest, sizeof(rest), sum);
	/* The words that an IPv4 address does not have are zero. */
	return bpf_csum_diff(0, 0, (__be32 *)&tuple->source, 2 * sizeof(struct address), sum);
}

/* enum checksum_verdict. */
#define transport_checksum BY_FRAME(transport_checksum)
VERIFIED_ONCE int transport_checksum(frame_t *frame, const struct packet *packet)
{
	const struct headers *headers;
	__u32 length, pseudo = 0;
	__u16 checksum;

	if (!packet)
		return CHECKSUM_UNKNOWN;
	headers = &packet->headers;
	length = headers->end - headers->transport;
	if (headers->fragment != FRAGMENT_NONE || packet->segment_size ||
	    frame_sum_is_vouched_for(frame) || frame_sum_is_pending(frame))
		return CHECKSUM_UNKNOWN;
	if (packet->tuple.protocol == IPPROTO_SCTP)
		return sctp_checksum_verdict(frame, headers->transport, length);
	if (!packet->checksum_offset)
		return packet->tuple.protocol == IPPROTO_UDP ? CHECKSUM_RIGHT : CHECKSUM_UNKNOWN;
	if (frame_load(frame, packet->checksum_offset, &checksum, sizeof(checksum)))
		return CHECKSUM_UNKNOWN;
	if (packet->tuple.protocol != IPPROTO_ICMP)
		pseudo = sum_pseudo_header(packet, length, 0);
	/* It may be still to be computed: the field then holds the sum of the pseudo-header. */
	if (FRAME_HIDES_PENDING_SUMS && !is_icmp(&packet->tuple) && checksum == fold(pseudo))
		return CHECKSUM_UNKNOWN;
	return fold(sum_frame(frame, headers->transport, length, pseudo)) == 0xffff
		       ? CHECKSUM_RIGHT
		       : CHECKSUM_WRONG;
}

/* enum checksum_verdict, of a datagram of which this is the last fragment. */
static __always_inline int datagram_checksum(const struct packet *packet)
{
	const struct fragmented *datagram = &packet->fragments;
	__u32 sum = datagram->sum;

	if (datagram->flags & FRAGMENTS_UNSUMMED)
		return CHECKSUM_UNKNOWN;
	if (datagram->flags & FRAGMENTS_WITHOUT_CHECKSUM)
		return CHECKSUM_RIGHT;
	if (packet->tuple.protocol == IPPROTO_SCTP)
		return sctp_checksum_of_crc(sum) == datagram->checksum ? CHECKSUM_RIGHT
								       : CHECKSUM_WRONG;
	if (packet->tuple.protocol != IPPROTO_ICMP)
		sum = sum_pseudo_header(packet, datagram->length - datagram->extensions, sum);
	return fold(sum) == 0xffff ? CHECKSUM_RIGHT : CHECKSUM_WRONG;
}

/* Connection tracking makes nothing of it. */
static __always_inline int datagram_is_broken(const struct packet *packet)
{
	const struct fragmented *datagram = &packet->fragments;

	return datagram_checksum(packet) == CHECKSUM_WRONG ||
	       (packet->tuple.protocol == IPPROTO_UDP &&
		datagram->udp_length > datagram->length - datagram->extensions);
}
