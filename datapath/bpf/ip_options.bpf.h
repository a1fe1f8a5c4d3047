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
	IPV4_OPTION_RECORD_ROUTE = 7,
	IPV4_OPTION_TIMESTAMP = 68,
	IPV4_OPTION_LOOSE_SOURCE_ROUTE = 131,
	IPV4_OPTION_SECURITY_LABEL = 134, /* CIPSO */
	IPV4_OPTION_STRICT_SOURCE_ROUTE = 137,
	IPV4_OPTION_ROUTER_ALERT = 148,
};

/* The lower half of a timestamp's `flags`; the upper counts those who found no room. */
enum timestamp_kind {
	TIMESTAMP_TIME_ONLY = 0,
	TIMESTAMP_WITH_ADDRESS = 1,
	TIMESTAMP_OF_ADDRESSES_GIVEN = 3,
};

#define TIMESTAMP_KIND 0x0f
#define TIMESTAMP_ONE_MISSED 0x10
#define TIMESTAMP_MISSED_MOST 0xf0

/* As far as an option has them. The pointer is where the next entry begins, the first byte of the
 * option being 1. */
struct option_head {
	__u8 type;
	__u8 length;
	__u8 pointer;
	__u8 flags;
};

static __always_inline long load_option_head(frame_t *frame, __u32 at, __u32 end,
					     struct option_head *head)
{
	__builtin_memset(head, 0, sizeof(*head));
	if (at + 4 <= end)
		return frame_load(frame, at, head, 4);
	if (at + 3 == end)
		return frame_load(frame, at, head, 3);
	if (at + 2 == end)
		return frame_load(frame, at, head, 2);
	return frame_load(frame, at, head, 1);
}

/* `bytes` more can be written. */
static __always_inline int option_has_room(const struct option_head *head, __u32 bytes)
{
	return head->pointer + bytes <= head->length + 1u;
}

static __always_inline int option_is_full(const struct option_head *head)
{
	return head->pointer > head->length;
}

static __always_inline int record_route_is_refused(const struct option_head *head)
{
	return head->length < 3 || head->pointer < 4 ||
	       (!option_is_full(head) && !option_has_room(head, 4));
}

static __always_inline int timestamp_is_refused(const struct option_head *head)
{
	__u8 kind = head->flags & TIMESTAMP_KIND;

	if (head->length < 4 || head->pointer < 5)
		return 1;
	if (option_is_full(head))
		return kind != TIMESTAMP_OF_ADDRESSES_GIVEN && head->flags >= TIMESTAMP_MISSED_MOST;
	if (kind == TIMESTAMP_WITH_ADDRESS || kind == TIMESTAMP_OF_ADDRESSES_GIVEN)
		return !option_has_room(head, 8);
	return !option_has_room(head, 4);
}

/* One option by itself; notes where those stand that are written into. A security label is of no
 * domain of interpretation that anybody has configured (cipso_v4_validate()). */
static __always_inline int ipv4_option_is_refused(struct packet *packet,
						  const struct option_head *head, __u32 at)
{
	switch (head->type) {
	case IPV4_OPTION_RECORD_ROUTE:
		if (packet->record_route || record_route_is_refused(head))
			return 1;
		packet->record_route = at;
		return 0;
	case IPV4_OPTION_TIMESTAMP:
		if (packet->timestamp || timestamp_is_refused(head))
			return 1;
		packet->timestamp = at;
		return 0;
	case IPV4_OPTION_ROUTER_ALERT:
		return head->length < ROUTER_ALERT_LENGTH;
	case IPV4_OPTION_LOOSE_SOURCE_ROUTE:
	case IPV4_OPTION_STRICT_SOURCE_ROUTE:
		if (packet->source_route || head->length < 3 || head->pointer < 4)
			return 1;
		packet->source_route = at;
		packet->source_routed = head->pointer > 4;
		return 0;
	case IPV4_OPTION_SECURITY_LABEL:
		return 1;
	default:
		return 0;
	}
}

/* Options that run past the end of the header or are shorter than they need, or have no room for what
 * has to be written; and, where nothing is wrong with them, those that ask for source routing: of
 * these the stack says nothing. Where the walk is lies in the packet, and not on the stack: what is
 * read back from there the verifier takes for anything, and so does not follow every way through the
 * loop. */
#define ipv4_options_are_refused BY_FRAME(ipv4_options_are_refused)
VERIFIED_ONCE int ipv4_options_are_refused(frame_t *frame, struct packet *packet)
{
	struct options_walk *walk;

	if (!packet)
		return 0;
	packet->record_route = 0;
	packet->timestamp = 0;
	packet->source_route = 0;
	packet->source_routed = 0;
	walk = &packet->options_walk;
	walk->at = packet->headers.network + sizeof(struct iphdr);
	walk->end = packet->headers.transport;
	for (int i = 0; i < IPV4_OPTIONS_MAX; i++) {
		__u32 at = walk->at, end = walk->end;
		struct option_head head;

		if (at >= end || load_option_head(frame, at, end, &head))
			break;
		if (head.type == IPV4_OPTION_END) {
			packet->options_end = at;
			break;
		}
		if (head.type == IPV4_OPTION_NOP) {
			walk->at = at + 1;
			continue;
		}
		if (head.length < 2 || at + head.length > end ||
		    ipv4_option_is_refused(packet, &head, at))
			return 1;
		walk->at = at + head.length;
	}
	packet->refused_silently = !!packet->source_route;
	return packet->refused_silently;
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
	IPV6_OPTION_SECURITY_LABEL = 7, /* CALIPSO */
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
 * anything but zero it goes no further (RFC 8200, section 4.2). A jumbogram, too, and a security
 * label, as in IPv4. Of IOAM only its place counts where the interface takes no part. */
static __always_inline int ipv6_option_is_refused(__u8 type, __u32 place, __u32 length)
{
	switch (type) {
	case IPV6_OPTION_ROUTER_ALERT:
		return length != ROUTER_ALERT_LENGTH;
	case IPV6_OPTION_SECURITY_LABEL:
		return 1;
	case IPV6_OPTION_IOAM:
		return place % 4 != 0;
	default:
		return type >> 6;
	}
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
	return ++walk->options > HOP_BY_HOP_OPTIONS_MAX ||
	       ipv6_option_is_refused(option[0], at - walk->header, size);
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
	walk->header = packet->headers.network;
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

static __always_inline int has_ipv4_options(const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV4 &&
	       packet->headers.transport - packet->headers.network > sizeof(struct iphdr);
}

/* And behind it. */
static __always_inline int options_are_refused(frame_t *frame, struct packet *packet)
{
	return has_ipv4_options(packet) && ipv4_options_are_refused(frame, packet);
}

/* It looks at options when a packet comes in, by lo, too: before INPUT. */
static __always_inline int stack_refuses_options(frame_t *frame, struct packet *packet)
{
	if (!packet->host_origin)
		return packet->options_refused;
	return extension_is_refused(frame, packet) || options_are_refused(frame, packet);
}
