/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From XDP straight to the link: whether a packet may leave so, and how it does. No hook and no
 * stack follow, so what they would have done is done here (net/ipv4/ip_forward.c,
 * net/ipv6/ip6_output.c): both halves of the translation, the TTL, the addresses of the link.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "maps.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "translate.bpf.h"

#define LINK_DESTINATION 0
#define LINK_SOURCE ETH_ALEN

/* Whether frames can be sent there from here. */
static __always_inline int takes_frames(const struct packet *packet, __u32 ifindex)
{
	const struct interface_settings *interface;

	if (ifindex == packet->ifindex)
		return packet->interface_flags & INTERFACE_XDP;
	if (!(packet->interface_flags & INTERFACE_XDP_REDIRECT))
		return 0;
	interface = interface_find(packet, ifindex);
	return interface && interface->flags & INTERFACE_XDP;
}

/* Why `packet->route` is not to be taken from here; 0: it may be. */
static __always_inline __u8 obstacle_on_route(const struct packet *packet)
{
	const struct route *route = &packet->route;

	if (route->kind == ROUTE_LOCAL)
		return LEFT_LOCAL;
	if (stack_refuses(packet))
		return PASS_STACK_ANSWERS;
	if (route->too_long)
		return LEFT_TOO_LONG;
	if (!takes_frames(packet, route->ifindex))
		return LEFT_OTHER_LINK;
	if (!route->has_link_addresses)
		return LEFT_NO_NEIGHBOUR;
	return REASON_NONE;
}

/* Makes `packet->tuple` `packet->to`, and sends it along `packet->route`. */
static __noinline int transmit(frame_t *frame, struct packet *packet, __u8 reason)
{
	const struct route *route = &packet->route;

	if (translate(frame, packet) || change_ttl(frame, packet, -1) ||
	    frame_store(frame, LINK_DESTINATION, route->destination_link, ETH_ALEN) ||
	    frame_store(frame, LINK_SOURCE, route->source_link, ETH_ALEN))
		return drop(packet, DROP_REWRITE);
	if (route->ifindex != packet->ifindex)
		return redirected(packet, reason, REDIRECT_TRANSMIT, route->ifindex,
				  bpf_redirect(route->ifindex, 0));
	redirected(packet, reason, REDIRECT_TRANSMIT, route->ifindex, ACTION_REDIRECT);
	return XDP_TX;
}
