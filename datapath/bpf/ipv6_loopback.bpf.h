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
#include "flow.bpf.h"
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

/* No helper asks for the routes of one interface alone; control knows them. */
static __always_inline void route_out_again(struct packet *packet)
{
	const struct interface_settings *interface = interface_find(packet, packet->ifindex);
	struct route *route = &packet->route;

	route->kind = ROUTE_REFUSED;
	if (!interface || !(interface->flags & INTERFACE_LEADS_TO_LOOPBACK))
		return;
	route->kind = ROUTE_FORWARD;
	route->ifindex = packet->ifindex;
	route->has_link_addresses = 0;
	route->mtu = interface->ipv6_mtu;
	route->too_long = length_on_links(packet) > interface->ipv6_mtu;
	route->next_hop = address_is_zero(&interface->loopback_next_hop)
				  ? packet->to.destination
				  : interface->loopback_next_hop;
}

/* ip6_forward() says nothing then. */
static __always_inline int is_not_to_be_forwarded(const struct packet *packet)
{
	return packet->route.kind == ROUTE_FORWARD &&
	       !(settings_of(packet)->flags & SETTING_FORWARDS);
}

static __always_inline int send_out_again(struct __sk_buff *skb, struct packet *packet, __u8 reason)
{
	if (make_forwarded(skb, packet))
		return drop(packet, DROP_REWRITE);
	return deliver_to_neighbour(skb, packet, reason);
}

/* Why it is not forwarded, in the order of ip6_forward(); 0: it is. */
static __always_inline int answer_instead(struct packet *packet)
{
	struct ipv6_answer *answer = &packet->ipv6_answer;

	answer->code = 0;
	if (packet->route.kind != ROUTE_FORWARD) {
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

/* A reply from the wire. */
VERIFIED_ONCE int is_answered_for_ipv6_loopback(struct packet *packet, const struct flow *flow)
{
	if (!packet || !flow || packet->tuple.family != FAMILY_IPV6 ||
	    !(flow->flags & FLOW_HOST_CLIENT) ||
	    !address_is_loopback(&flow->client.address, FAMILY_IPV6))
		return 0;
	route_out_again(packet);
	return !is_not_to_be_forwarded(packet) && answer_instead(packet);
}

/* Nothing of it has been changed. */
VERIFIED_ONCE int reply_to_ipv6_loopback(struct __sk_buff *skb, struct packet *packet)
{
	if (!packet)
		return ACTION_DROP;
	route_out_again(packet);
	if (is_not_to_be_forwarded(packet))
		return drop(packet, DROP_NO_ROUTE);
	packet->quoted_back = 1;
	if (answer_instead(packet))
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
	route_out_again(packet);
	if (is_not_to_be_forwarded(packet) || answer_instead(packet))
		return drop(packet, DROP_NO_ROUTE);
	return send_out_again(skb, packet, REASON_RELATED);
}
