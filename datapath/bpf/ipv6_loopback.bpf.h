/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Answers to processes of the node that sent from ::1. Received on a link and given back their
 * address, such packets find no way in: to ::1 the kernel takes only routes that lead out of the
 * interface that a packet came by (rt6_need_strict(), net/ipv6/route.c). So it forwards them there
 * again, or answers why it does not.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>

#include "deliver.bpf.h"
#include "forwarded.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "reject.bpf.h"
#include "route.bpf.h"
#include "translate.bpf.h"
#include "verified_once.bpf.h"

static __always_inline int is_for_ipv6_loopback(const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV6 &&
	       address_is_loopback(&packet->to.destination, FAMILY_IPV6);
}

/* 0 where nothing leads out again. */
static __always_inline int route_out_again(struct __sk_buff *skb, struct packet *packet)
{
	/* Of all addresses the one most like ::1 that is not the node's. */
	const struct address like = {.words = {0, 0, 0, bpf_htonl(2)}};
	struct route *route = &packet->route;

	route_find(skb, packet, &packet->to.source, &like, packet->ifindex);
	if (route->kind != ROUTE_FORWARD || route->ifindex != packet->ifindex)
		return 0;
	if (address_equal(&route->next_hop, &like))
		route->next_hop = packet->to.destination;
	return 1;
}

static __always_inline int send_out_again(struct __sk_buff *skb, struct packet *packet, __u8 reason)
{
	if (make_forwarded(skb, packet))
		return drop(packet, DROP_REWRITE);
	return deliver_to_neighbour(skb, packet, reason);
}

/* Why it is not forwarded, in the order of ip6_forward(); 0: it is. */
static __always_inline int answer_instead(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6_answer *answer = &packet->ipv6_answer;

	answer->code = 0;
	if (!route_out_again(skb, packet)) {
		answer->type = ICMPV6_UNREACHABLE;
		answer->code = ICMPV6_NO_ROUTE;
		return 1;
	}
	if (packet->headers.ttl <= 1) {
		answer->type = ICMPV6_TIME_EXCEEDED;
		return 1;
	}
	if (packet->route.too_long) {
		answer->type = ICMPV6_TOO_BIG;
		answer->mtu = packet->route.mtu;
		return 1;
	}
	return 0;
}

/* Nothing of it has been changed. */
VERIFIED_ONCE int reply_to_ipv6_loopback(struct __sk_buff *skb, struct packet *packet)
{
	if (!packet)
		return ACTION_DROP;
	if (answer_instead(skb, packet))
		return reject(skb, packet, &packet->tuple.destination, 0);
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	return send_out_again(skb, packet, REASON_REPLY);
}

/* The same of an error, already translated: nobody answers to it. */
VERIFIED_ONCE int error_to_ipv6_loopback(struct __sk_buff *skb, struct packet *packet)
{
	if (!packet)
		return ACTION_DROP;
	if (answer_instead(skb, packet))
		return drop(packet, DROP_NO_ROUTE);
	return send_out_again(skb, packet, REASON_RELATED);
}
