/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPv4 options that the stack writes into as it receives a packet: whether it will, and, of a packet
 * that REJECT answers, what it writes, which the answer quotes, and what the answer gets of it for
 * its own options (__ip_options_compile(), __ip_options_echo() and ip_options_build() in
 * net/ipv4/ip_options.c). The header's checksum knows nothing of the former. All other packets are
 * left to the stack.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fold.bpf.h"
#include "frame.bpf.h"
#include "ip_options.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "seams.bpf.h"
#include "verified_once.bpf.h"

static __always_inline long store_option_bytes(struct __sk_buff *skb, __u32 at, const void *bytes,
					       __u32 length)
{
	return frame_store_uncovered(skb, at, bytes, length);
}

/* As the stack leaves what stands behind the end of the options. */
VERIFIED_ONCE long clear_behind_options(struct __sk_buff *skb, struct packet *packet)
{
	const __u8 zero = 0;

	if (!packet || !packet->options_end)
		return 0;
	for (__u32 i = 0; i < IPV4_OPTIONS_MAX; i++) {
		__u32 at = packet->options_end + i;
		__u8 byte = 0;

		if (at >= packet->headers.transport)
			break;
		if (frame_load(skb, at, &byte, 1))
			return -1;
		if (!byte)
			continue;
		packet->options_written |= OPTIONS_CHANGED;
		if (store_option_bytes(skb, at, &zero, sizeof(zero)))
			return -1;
	}
	return 0;
}

static __always_inline int has_bytes_behind_options(struct __sk_buff *skb,
						    const struct packet *packet)
{
	for (__u32 i = 0; packet->options_end && i < IPV4_OPTIONS_MAX; i++) {
		__u32 at = packet->options_end + i;
		__u8 byte = 0;

		if (at >= packet->headers.transport || frame_load(skb, at, &byte, 1))
			break;
		if (byte)
			return 1;
	}
	return 0;
}

/* Writes where the pointer of the option at `at` points to, and moves it on. */
static __always_inline long write_entry(struct __sk_buff *skb, __u32 at, struct option_head *head,
					__be32 entry)
{
	__u32 place = at + head->pointer - 1;

	head->pointer += sizeof(entry);
	return store_option_bytes(skb, place, &entry, sizeof(entry));
}

static __always_inline long write_time(struct __sk_buff *skb, __u32 at, struct option_head *head)
{
	return write_entry(skb, at, head, bpf_htonl(time_of_day()));
}

/* As inet_addr_type() has it: a unicast address that is not the node's. Where nothing leads there,
 * it is taken for one of many. */
VERIFIED_ONCE int address_is_of_others(struct __sk_buff *skb, const struct packet *packet,
				       __u32 ipv4_address)
{
	struct address address = {.words[0] = ipv4_address}, none = {};
	__u32 first = bpf_ntohl(ipv4_address);
	struct bpf_fib_lookup lookup;

	if (!packet || !first || first >> 28 == 0xe || first == ~0u ||
	    address_is_local(packet, &address))
		return 0;
	return fib_ask(skb, packet, &none, &address, LOOPBACK_IFINDEX, 1, 0, &lookup) !=
	       BPF_FIB_LKUP_RET_NOT_FWDED;
}

static __always_inline int timestamp_is_written_into(struct __sk_buff *skb,
						     const struct packet *packet)
{
	struct option_head head = {};
	__be32 given;

	if (!packet->timestamp || frame_load(skb, packet->timestamp, &head, sizeof(head)))
		return 0;
	switch (head.flags & TIMESTAMP_KIND) {
	case TIMESTAMP_TIME_ONLY:
	case TIMESTAMP_WITH_ADDRESS:
		return 1;
	case TIMESTAMP_OF_ADDRESSES_GIVEN:
		return !option_is_full(&head) &&
		       !frame_load(skb, packet->timestamp + head.pointer - 1, &given,
				   sizeof(given)) &&
		       !address_is_of_others(skb, packet, given);
	default:
		return option_is_full(&head);
	}
}

/* Whether the stack will write anything, of a packet that it does not refuse. */
VERIFIED_ONCE int options_are_written_into(struct __sk_buff *skb, const struct packet *packet)
{
	struct option_head head = {};

	if (!packet)
		return 0;
	if (packet->record_route && !frame_load(skb, packet->record_route, &head, 3) &&
	    !option_is_full(&head))
		return 1;
	return timestamp_is_written_into(skb, packet) || has_bytes_behind_options(skb, packet);
}

/* A record route that is not full. */
VERIFIED_ONCE long write_route(struct __sk_buff *skb, __u32 at, __u32 address)
{
	struct option_head head = {};

	if (frame_load(skb, at, &head, 3) || write_entry(skb, at, &head, address))
		return -1;
	return store_option_bytes(skb, at, &head, 3);
}

/* A timestamp that is not full; `written` gets what was written. */
VERIFIED_ONCE long write_timestamp(struct __sk_buff *skb, struct packet *packet, __u32 at,
				   __u32 address)
{
	struct option_head head = {};
	__u8 written = 0;
	__be32 given;

	if (!packet || frame_load(skb, at, &head, sizeof(head)))
		return -1;
	switch (head.flags & TIMESTAMP_KIND) {
	case TIMESTAMP_TIME_ONLY:
		if (write_time(skb, at, &head))
			return -1;
		written = OPTIONS_TIME;
		break;
	case TIMESTAMP_WITH_ADDRESS:
		if (write_entry(skb, at, &head, address) || write_time(skb, at, &head))
			return -1;
		written = OPTIONS_TIME;
		break;
	case TIMESTAMP_OF_ADDRESSES_GIVEN:
		if (!option_has_room(&head, 8))
			return 0;
		if (frame_load(skb, at + head.pointer - 1, &given, sizeof(given)))
			return -1;
		if (address_is_of_others(skb, packet, given))
			return 0;
		head.pointer += sizeof(given);
		if (write_time(skb, at, &head))
			return -1;
		written = OPTIONS_TIME;
		break;
	default:
		return 0;
	}
	packet->options_written |= written;
	return store_option_bytes(skb, at, &head, sizeof(head));
}

/* What the stack writes as it receives the packet: `address` of the node, and the time. */
VERIFIED_ONCE long write_into_options(struct __sk_buff *skb, struct packet *packet, __u32 address)
{
	struct option_head head = {};

	if (!packet || clear_behind_options(skb, packet))
		return -1;
	if (packet->record_route) {
		if (frame_load(skb, packet->record_route, &head, 3))
			return -1;
		if (!option_is_full(&head)) {
			if (write_route(skb, packet->record_route, address))
				return -1;
			packet->options_written |= OPTIONS_ROUTE;
		}
	}
	if (!packet->timestamp)
		return 0;
	if (frame_load(skb, packet->timestamp, &head, sizeof(head)))
		return -1;
	if (!option_is_full(&head))
		return write_timestamp(skb, packet, packet->timestamp, address);
	if ((head.flags & TIMESTAMP_KIND) == TIMESTAMP_OF_ADDRESSES_GIVEN)
		return 0;
	head.flags += TIMESTAMP_ONE_MISSED;
	packet->options_written |= OPTIONS_CHANGED;
	return store_option_bytes(skb, packet->timestamp, &head, sizeof(head));
}

/* How many bytes of options the answer gets; negative where the stack gives up, since what it has
 * begun has no room to go on in. */
VERIFIED_ONCE int answer_options_length(struct __sk_buff *skb, const struct packet *packet)
{
	struct option_head head = {};
	__u32 length = 0, entry;

	if (!packet)
		return -1;
	if (packet->record_route) {
		if (frame_load(skb, packet->record_route, &head, 3) ||
		    (packet->options_written & OPTIONS_ROUTE && !option_is_full(&head) &&
		     !option_has_room(&head, 4)))
			return -1;
		length += head.length;
	}
	if (packet->timestamp) {
		if (frame_load(skb, packet->timestamp, &head, sizeof(head)))
			return -1;
		entry = (head.flags & TIMESTAMP_KIND) == TIMESTAMP_WITH_ADDRESS ? 8 : 4;
		if (packet->options_written & OPTIONS_TIME && !option_is_full(&head) &&
		    !option_has_room(&head, entry))
			return -1;
		length += head.length;
	}
	return (length + 3) & ~3u;
}

/* The option at `from` to `to`; its length. */
VERIFIED_ONCE int copy_option(struct __sk_buff *skb, struct packet *packet, __u32 from, __u32 to)
{
	struct option_head head = {};
	__u32 length;

	if (!packet || frame_load(skb, from, &head, 3) || !head.length ||
	    head.length > IPV4_OPTIONS_MAX)
		return -1;
	length = below(head.length - 1, IPV4_OPTIONS_BUFFER) + 1;
	if (frame_load(skb, from, packet->answer_header, length) ||
	    store_option_bytes(skb, to, packet->answer_header, length))
		return -1;
	return head.length;
}

/* The answer's own options, at `to`, out of those that it quotes `shift` bytes behind where they stood:
 * first the route, then the time. */
VERIFIED_ONCE long write_answer_options(struct __sk_buff *skb, struct packet *packet, __u32 to,
					__u32 shift, __u32 address)
{
	struct option_head head = {};
	int length = 0;

	if (!packet)
		return -1;
	if (packet->record_route) {
		length = copy_option(skb, packet, packet->record_route + shift, to);
		if (length < 0 || frame_load(skb, to, &head, 3))
			return -1;
		if (packet->options_written & OPTIONS_ROUTE && !option_is_full(&head) &&
		    write_route(skb, to, address))
			return -1;
		to += length;
	}
	if (!packet->timestamp)
		return 0;
	if (copy_option(skb, packet, packet->timestamp + shift, to) < 0 ||
	    frame_load(skb, to, &head, sizeof(head)))
		return -1;
	if (packet->options_written & OPTIONS_TIME && !option_is_full(&head))
		return write_timestamp(skb, packet, to, address);
	return 0;
}
