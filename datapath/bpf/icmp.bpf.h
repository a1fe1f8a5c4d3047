/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP and ICMPv6 as connection tracking sees them (nf_conntrack_proto_icmp.c and …_icmpv6.c):
 * errors, which are about other flows; queries and their answers, which are flows of their own; and
 * what is neither.
 *
 * A query's tuple has its identifier for a source port, and its type and code for a destination
 * port. An answer's tuple is the reverse of its query's.
 */
#pragma once

#include <linux/in.h>
#include <linux/in6.h>

#include <bpf/bpf_endian.h>

#include "packet.bpf.h"

/* linux/icmp.h draws in headers of the C library. */
#define ICMP_UNREACHABLE 3
#define ICMP_PORT_UNREACHABLE 3
#define ICMP_SOURCE_QUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO 8
#define ICMP_FIRST_PAIR 13 /* timestamp, information, address mask: query and answer in turn */
#define ICMP_LAST_PAIR 18
#define ICMPV6_UNREACHABLE 1
#define ICMPV6_TOO_BIG 2
#define ICMPV6_TIME_EXCEEDED 3
#define ICMPV6_NO_ROUTE 0
#define ICMPV6_PORT_UNREACHABLE 4
#define ICMPV6_FIRST_QUERY 128
#define ICMPV6_ECHO 128
#define ICMPV6_NODE_INFORMATION 139
#define ICMPV6_FIRST_OF_LINK 130 /* multicast listeners, routers, neighbours */
#define ICMPV6_LAST_OF_LINK 136
#define ICMPV6_LISTENER_REPORT_V2 143
#define ICMPV6_ROUTER_ADVERTISEMENT 151 /* of multicast routers */
#define ICMPV6_ROUTER_SOLICITATION 152

struct icmp_header {
	__u8 type;
	__u8 code;
	__sum16 checksum;
	__be16 identifier;
	__be16 sequence;
};

#define ICMP_IDENTIFIER __builtin_offsetof(struct icmp_header, identifier)

enum icmp_class {
	ICMP_CLASS_NONE = 0, /* no message that connection tracking knows */
	ICMP_CLASS_ERROR,
	ICMP_CLASS_QUERY,
	ICMP_CLASS_ANSWER,
	ICMP_CLASS_UNTRACKED, /* of the link's own business */
};

static __always_inline int is_icmp(const struct tuple *tuple)
{
	return tuple->protocol == (tuple->family == FAMILY_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* Of the other family, which connection tracking makes nothing of. */
static __always_inline int is_foreign_icmp(const struct tuple *tuple)
{
	return tuple->protocol == (tuple->family == FAMILY_IPV4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static __always_inline __u8 icmp_class_of(__u8 family, __u8 type)
{
	if (family == FAMILY_IPV6) {
		if (type < ICMPV6_FIRST_QUERY)
			return ICMP_CLASS_ERROR;
		if (type == ICMPV6_ECHO || type == ICMPV6_NODE_INFORMATION)
			return ICMP_CLASS_QUERY;
		if (type == ICMPV6_ECHO + 1 || type == ICMPV6_NODE_INFORMATION + 1)
			return ICMP_CLASS_ANSWER;
		if ((type >= ICMPV6_FIRST_OF_LINK && type <= ICMPV6_LAST_OF_LINK) ||
		    type == ICMPV6_LISTENER_REPORT_V2 || type == ICMPV6_ROUTER_ADVERTISEMENT ||
		    type == ICMPV6_ROUTER_SOLICITATION)
			return ICMP_CLASS_UNTRACKED;
		return ICMP_CLASS_NONE;
	}
	if (type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	    type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM)
		return ICMP_CLASS_ERROR;
	if (type == ICMP_ECHO)
		return ICMP_CLASS_QUERY;
	if (type == ICMP_ECHO_REPLY)
		return ICMP_CLASS_ANSWER;
	if (type >= ICMP_FIRST_PAIR && type <= ICMP_LAST_PAIR)
		return type % 2 ? ICMP_CLASS_QUERY : ICMP_CLASS_ANSWER;
	return ICMP_CLASS_NONE;
}

static __always_inline __u8 icmp_query_of_answer(__u8 family, __u8 type)
{
	if (family == FAMILY_IPV4 && type == ICMP_ECHO_REPLY)
		return ICMP_ECHO;
	return type - 1;
}

/* The tuple's ports for a query or its answer; 0 for others. */
static __always_inline int icmp_ports(const struct icmp_header *icmp, struct tuple *tuple)
{
	__u8 class = icmp_class_of(tuple->family, icmp->type);

	if (class == ICMP_CLASS_QUERY) {
		tuple->source_port = icmp->identifier;
		tuple->destination_port = bpf_htons(icmp->type << 8 | icmp->code);
		return 1;
	}
	if (class == ICMP_CLASS_ANSWER) {
		__u8 query = icmp_query_of_answer(tuple->family, icmp->type);

		tuple->source_port = bpf_htons(query << 8 | icmp->code);
		tuple->destination_port = icmp->identifier;
		return 1;
	}
	return 0;
}
