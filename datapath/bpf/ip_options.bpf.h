/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IP options over which the stack refuses a received packet. Those of IPv4 are looked at between
 * PREROUTING and routing (ip_rcv_options(), net/ipv4/ip_options.c), so that such a packet still
 * counts in its flow; the hop-by-hop options of IPv6 before all hooks (ip6_parse_tlv(),
 * net/ipv6/exthdrs.c).
 */
#pragma once

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>

#include "frame.bpf.h"
#include "packet.bpf.h"
#include "verified_once.bpf.h"

#define IPV4_OPTIONS_MAX 40
#define ROUTER_ALERT_LENGTH 4 /* in IPv6 as well */

enum ipv4_option {
	IPV4_OPTION_END = 0,
	IPV4_OPTION_NOP = 1,
	IPV4_OPTION_LOOSE_SOURCE_ROUTE = 131,
	IPV4_OPTION_STRICT_SOURCE_ROUTE = 137,
	IPV4_OPTION_ROUTER_ALERT = 148,
};

/* Options that run past the end of the header, or ask for source routing. Where the walk is lies in
 * the packet, and not on the stack: what is read back from there the verifier takes for anything,
 * and so does not follow every way through the loop. */
#define ipv4_options_are_refused BY_FRAME(ipv4_options_are_refused)
VERIFIED_ONCE int ipv4_options_are_refused(frame_t *frame, struct packet *packet)
{
	struct options_walk *walk;

	if (!packet)
		return 0;
	walk = &packet->options_walk;
	walk->at = packet->headers.network + sizeof(struct iphdr);
	walk->end = packet->headers.transport;
	walk->options = 0; /* of those, source routes */
	for (int i = 0; i < IPV4_OPTIONS_MAX; i++) {
		__u32 at = walk->at, end = walk->end;
		__u8 option[2] = {};

		if (at >= end || frame_load(frame, at, option, 1))
			break;
		if (option[0] == IPV4_OPTION_END) {
			packet->options_end = at;
			break;
		}
		if (option[0] == IPV4_OPTION_NOP) {
			walk->at = at + 1;
			continue;
		}
		if (at + 2 > end || frame_load(frame, at, option, 2) || option[1] < 2 ||
		    at + option[1] > end ||
		    (option[0] == IPV4_OPTION_ROUTER_ALERT && option[1] < ROUTER_ALERT_LENGTH))
			return 1;
		if (option[0] == IPV4_OPTION_LOOSE_SOURCE_ROUTE ||
		    option[0] == IPV4_OPTION_STRICT_SOURCE_ROUTE)
			walk->options++;
		walk->at = at + option[1];
	}
	return walk->options != 0;
}

/* As the stack leaves what stands behind the end of the options it has looked at. `forwarded`: only
 * then is the header's checksum mended (ip_forward_options()). */
#define clear_behind_options BY_FRAME(clear_behind_options)
VERIFIED_ONCE long clear_behind_options(frame_t *frame, const struct packet *packet, int forwarded)
{
	const __u8 zero = 0;

	if (!packet || !packet->options_end)
		return 0;
	for (__u32 i = 0; i < IPV4_OPTIONS_MAX; i++) {
		__u32 at = packet->options_end + i;
		__u8 byte = 0;
		__be16 word;
		long error;

		if (at >= packet->headers.transport)
			break;
		if (frame_load(frame, at, &byte, 1))
			return -1;
		if (!byte)
			continue;
		word = bpf_htons((at - packet->headers.network) & 1 ? byte : byte << 8);
		if (forwarded)
			error = frame_change_l3_sum(frame,
						    packet->headers.network +
							    __builtin_offsetof(struct iphdr, check),
						    word, 0, sizeof(word)) |
				frame_store(frame, at, &zero, sizeof(zero));
		else
			error = frame_store_uncovered(frame, at, &zero, sizeof(zero));
		if (error)
			return error;
	}
	return 0;
}

/* net.ipv6.max_hbh_opts_number, and how much padding may stand in a row. */
#define HOP_BY_HOP_OPTIONS_MAX 8
#define HOP_BY_HOP_PADDING_MAX 7
/* So many options with as much padding around each. */
#define HOP_BY_HOP_STEPS_MAX 72

enum ipv6_option {
	IPV6_OPTION_PAD1 = 0,
	IPV6_OPTION_PADN = 1,
	IPV6_OPTION_ROUTER_ALERT = 5,
	IPV6_OPTION_CALIPSO = 7,
	IPV6_OPTION_IOAM = 0x31,
};

/* Its body has to be zero. */
static __always_inline int is_padding(frame_t *frame, __u32 at, __u32 length)
{
	for (__u32 i = 0; i < HOP_BY_HOP_PADDING_MAX - 2; i++) {
		__u8 byte = 0;

		if (i < length && (frame_load(frame, at + i, &byte, 1) || byte))
			return 0;
	}
	return 1;
}

/* The two highest bits of a type say what becomes of a packet whose option nobody knows: with
 * anything but zero it goes no further (RFC 8200, section 4.2). A jumbogram, too. */
static __always_inline int ipv6_option_is_refused(__u8 type, __u32 length)
{
	if (type == IPV6_OPTION_ROUTER_ALERT)
		return length != ROUTER_ALERT_LENGTH;
	return type != IPV6_OPTION_CALIPSO && type != IPV6_OPTION_IOAM && type >> 6;
}

/* One option. */
#define hop_by_hop_step BY_FRAME(hop_by_hop_step)
VERIFIED_ONCE int hop_by_hop_step(frame_t *frame, struct options_walk *walk)
{
	__u32 at, end, size;
	__u8 option[2] = {};

	if (!walk)
		return 1;
	at = walk->at;
	end = walk->end;
	if (frame_load(frame, at, option, 1))
		return 1;
	if (option[0] == IPV6_OPTION_PAD1) {
		walk->at = at + 1;
		return ++walk->padding > HOP_BY_HOP_PADDING_MAX;
	}
	if (at + 2 > end || frame_load(frame, at, option, 2))
		return 1;
	size = option[1] + 2;
	if (at + size > end)
		return 1;
	walk->at = at + size;
	if (option[0] == IPV6_OPTION_PADN) {
		walk->padding += size;
		return walk->padding > HOP_BY_HOP_PADDING_MAX ||
		       !is_padding(frame, at + 2, option[1]);
	}
	walk->padding = 0;
	return ++walk->options > HOP_BY_HOP_OPTIONS_MAX || ipv6_option_is_refused(option[0], size);
}

#define hop_by_hop_options_are_refused BY_FRAME(hop_by_hop_options_are_refused)
VERIFIED_ONCE int hop_by_hop_options_are_refused(frame_t *frame, struct packet *packet)
{
	struct options_walk *walk;
	__u32 at;
	__u8 length;

	if (!packet)
		return 0;
	walk = &packet->options_walk;
	at = packet->headers.network + sizeof(struct ipv6hdr);
	if (at + 8 > packet->headers.end || frame_load(frame, at + 1, &length, 1))
		return 1;
	walk->end = at + (length + 1) * 8;
	if (walk->end > packet->headers.end)
		return 1;
	walk->at = at + 2;
	walk->padding = 0;
	walk->options = 0;
	for (int i = 0; i < HOP_BY_HOP_STEPS_MAX; i++) {
		if (walk->at >= walk->end)
			return 0;
		if (hop_by_hop_step(frame, walk))
			return 1;
	}
	return 1;
}

/* What the stack refuses before PREROUTING. */
static __always_inline int extension_is_refused(frame_t *frame, struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV6 && packet->headers.hop_by_hop &&
	       hop_by_hop_options_are_refused(frame, packet);
}

/* And behind it. */
static __always_inline int options_are_refused(frame_t *frame, struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV4 &&
	       packet->headers.transport - packet->headers.network > sizeof(struct iphdr) &&
	       ipv4_options_are_refused(frame, packet);
}
