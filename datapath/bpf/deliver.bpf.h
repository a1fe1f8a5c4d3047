/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sends a packet where the stack would not send it by itself: out of the interface that leads to
 * its new destination, or to the node's own sockets. The latter goes through lo: anywhere else the
 * stack would call a source of the node's own addresses martian.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "ip_options.bpf.h"
#include "note.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "translate.bpf.h"
#include "verified_once.bpf.h"

/* Redirects want an Ethernet header even where the interface has none. Its destination is all
 * zeros, lo's own address. */
static __always_inline long put_link_header(struct __sk_buff *skb, const struct packet *packet)
{
	struct ethhdr link = {.h_proto = skb->protocol};

	if (!packet->link_header_length && bpf_skb_change_head(skb, ETH_HLEN, 0))
		return -1;
	return bpf_skb_store_bytes(skb, 0, &link, sizeof(link), 0);
}

VERIFIED_ONCE int deliver_to_host(struct __sk_buff *skb, struct packet *packet, __u8 reason)
{
	if (!packet)
		return ACTION_DROP;
	if (put_link_header(skb, packet))
		return drop(packet, DROP_REWRITE);
	return redirected(packet, reason, REDIRECT_INGRESS, LOOPBACK_IFINDEX,
			  bpf_redirect(LOOPBACK_IFINDEX, BPF_F_INGRESS));
}

VERIFIED_ONCE int deliver_to_neighbour(struct __sk_buff *skb, struct packet *packet, __u8 reason)
{
	struct bpf_redir_neigh next_hop = {};
	const struct route *route;

	if (!packet)
		return ACTION_DROP;
	route = &packet->route;
	if (put_link_header(skb, packet))
		return drop(packet, DROP_REWRITE);
	set_note(skb, NOTE_DECIDED, 0);
	/* What was on its way to the node itself carries that route along, by which icmp_send() would
	 * give the error about a dead neighbour a source that is none here. The helper's look-up puts
	 * another in its place. */
	if (packet->tuple.family == FAMILY_IPV4 && packet->ifindex == LOOPBACK_IFINDEX)
		return redirected(packet, reason, REDIRECT_NEIGHBOUR, route->ifindex,
				  bpf_redirect_neigh(route->ifindex, 0, 0, 0));
	if (packet->tuple.family == FAMILY_IPV4) {
		next_hop.nh_family = AF_INET;
		next_hop.ipv4_nh = route->next_hop.words[0];
	} else {
		next_hop.nh_family = AF_INET6;
		__builtin_memcpy(next_hop.ipv6_nh, &route->next_hop, sizeof(next_hop.ipv6_nh));
	}
	return redirected(packet, reason, REDIRECT_NEIGHBOUR, route->ifindex,
			  bpf_redirect_neigh(route->ifindex, &next_hop, sizeof(next_hop), 0));
}

/* The frame is already addressed to the next hop that the route names. */
static __always_inline int leads_there(struct __sk_buff *skb, const struct packet *packet)
{
	const struct route *route = &packet->route;
	__u8 destination[6];

	if (route->ifindex != packet->ifindex)
		return 0;
	if (!packet->link_header_length)
		return 1;
	if (!route->has_link_addresses ||
	    bpf_skb_load_bytes(skb, 0, destination, sizeof(destination)))
		return 0;
	for (int i = 0; i < 6; i++) {
		if (destination[i] != route->destination_link[i])
			return 0;
	}
	return 1;
}

/* The stack can, and leaves all else as it is. */
static __always_inline int may_be_cut(const struct packet *packet)
{
	const struct headers *headers = &packet->headers;

	return packet->tuple.family == FAMILY_IPV4 && !headers->dont_fragment &&
	       headers->ttl < 255 && !has_ipv4_options(packet);
}

/* Too long for the link that it now leaves through: the stack has to cut it, or to say that it may
 * not be cut. Through lo the stack forwards it, and takes back the TTL that it gets here. */
static __always_inline int deliver_to_forwarding(struct __sk_buff *skb, struct packet *packet,
						 __u8 reason)
{
	/* A process that sent it in pieces is not to be told so. */
	if (packet->largest_fragment && !may_be_cut(packet))
		return drop(packet, DROP_UNFORESEEN);
	if (!packet->headers.dont_fragment && packet->headers.ttl < 255 &&
	    change_ttl(skb, packet, 1))
		return drop(packet, DROP_REWRITE);
	return deliver_to_host(skb, packet, reason);
}

/* At egress, a packet of the node's own on the way that the stack chose for it. */
static __always_inline int deliver_as_routed(struct __sk_buff *skb, struct packet *packet,
					     __u8 reason)
{
	if (!packet->largest_fragment)
		return pass(packet, reason);
	route_find(skb, packet, &packet->to.source, &packet->to.destination, LOOPBACK_IFINDEX);
	return packet->route.too_long ? deliver_to_forwarding(skb, packet, reason)
				      : pass(packet, reason);
}

/* And on a new way. */
static __always_inline int deliver_by_route(struct __sk_buff *skb, struct packet *packet,
					    __u8 reason)
{
	if (packet->route.kind == ROUTE_LOCAL) {
		if (packet->ifindex == LOOPBACK_IFINDEX)
			return pass(packet, reason);
		return deliver_to_host(skb, packet, reason);
	}
	if (packet->route.too_long)
		return deliver_to_forwarding(skb, packet, reason);
	if (leads_there(skb, packet))
		return pass(packet, reason);
	return deliver_to_neighbour(skb, packet, reason);
}
