/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Working with addresses and tuples. */
#pragma once

#include <linux/types.h>

#include <bpf/bpf_endian.h>

#include "tuple_abi.h"

static __always_inline int address_equal(const struct address *a, const struct address *b)
{
	return !((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1]) |
		 (a->words[2] ^ b->words[2]) | (a->words[3] ^ b->words[3]));
}

static __always_inline int address_is_zero(const struct address *a)
{
	return !(a->words[0] | a->words[1] | a->words[2] | a->words[3]);
}

/* 127.0.0.0/8; in IPv6 ::1 is an address like any other to kube-proxy's rules. */
static __always_inline int address_is_loopback(const struct address *a, __u8 family)
{
	if (family == FAMILY_IPV4)
		return (a->words[0] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
	return !(a->words[0] | a->words[1] | a->words[2]) && a->words[3] == bpf_htonl(1);
}

/* Of IPv6. */
static __always_inline int address_is_link_local(const struct address *a)
{
	return bpf_ntohl(a->words[0]) >> 22 == 0xfe80 >> 6;
}

static __always_inline int address_is_multicast(const struct address *a, __u8 family)
{
	return family == FAMILY_IPV4 ? bpf_ntohl(a->words[0]) >> 28 == 0xe
				     : bpf_ntohl(a->words[0]) >> 24 == 0xff;
}

/* Whether the first `length` bits agree. */
static __always_inline int address_has_prefix(const struct address *a, const struct address *prefix,
					      __u32 length)
{
	for (int i = 0; i < 4; i++) {
		__u32 bits = length > 32 ? 32 : length;
		__u32 mask = bits ? ~0u << (32 - bits) : 0;

		if ((a->words[i] ^ prefix->words[i]) & bpf_htonl(mask))
			return 0;
		length -= bits;
	}
	return 1;
}

/* Wherever they are met. */
static __always_inline int tuple_equal(const struct tuple *a, const struct tuple *b)
{
	return address_equal(&a->source, &b->source) &&
	       address_equal(&a->destination, &b->destination) &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port &&
	       a->protocol == b->protocol && a->family == b->family;
}

static __always_inline void tuple_reverse(struct tuple *to, const struct tuple *from)
{
	to->source = from->destination;
	to->destination = from->source;
	to->source_port = from->destination_port;
	to->destination_port = from->source_port;
	to->protocol = from->protocol;
	to->family = from->family;
	to->space = from->space;
	to->zero = 0;
}

/* The same in place. */
static __always_inline void tuple_turn(struct tuple *tuple)
{
	__be16 port = tuple->source_port;

	for (int i = 0; i < 4; i++) {
		__be32 word = tuple->source.words[i];

		tuple->source.words[i] = tuple->destination.words[i];
		tuple->destination.words[i] = word;
	}
	tuple->source_port = tuple->destination_port;
	tuple->destination_port = port;
}

/* The tuple of a packet from one end to the other; protocol and family as in `like`. */
static __always_inline void tuple_between(struct tuple *to, const struct socket_address *source,
					  const struct socket_address *destination,
					  const struct tuple *like)
{
	to->source = source->address;
	to->destination = destination->address;
	to->source_port = source->port;
	to->destination_port = destination->port;
	to->protocol = like->protocol;
	to->family = like->family;
	to->space = TUPLE_SPACE_WIRE;
	to->zero = 0;
}

static __always_inline int tuple_keeps(const struct tuple *from, const struct tuple *to)
{
	return address_equal(&from->source, &to->source) &&
	       address_equal(&from->destination, &to->destination) &&
	       from->source_port == to->source_port &&
	       from->destination_port == to->destination_port;
}
