/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first packet of a flow, where everything about the flow is decided: which service it is for,
 * which endpoint it goes to, under which source. Flows of no service are tracked, too, and keep
 * their addresses: their tuples must not be mixed up with those of services' flows, and later
 * packets are judged by them.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flow.bpf.h"
#include "forward.bpf.h"
#include "new_flow.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "refuse.bpf.h"
#include "route.bpf.h"
#include "served.bpf.h"
#include "service.bpf.h"
#include "special.bpf.h"
#include "verified_once.bpf.h"

/* Sends the packet of a flow just entered. */
static __always_inline int send_first(struct __sk_buff *skb, struct packet *packet, int result,
				      __u8 reason)
{
	const struct flow *flow = flow_entered(packet, result);

	if (!flow)
		return drop(packet, DROP_TABLE_FULL);
	trace_flow(packet, flow);
	note_flow_of_first(flow);
	if (packet->host_origin)
		return host_original(skb, packet, flow, reason);
	note_flow_received(packet, flow, flow->flags & FLOW_HOST_BACKEND);
	return ingress_original(skb, packet, flow, reason);
}

/* `packet->flow` names client, frontend and backend; `packet->route` leads to the backend. */
VERIFIED_ONCE int start_flow(struct __sk_buff *skb, int masquerade, int served)
{
	struct packet *packet = this_packet();
	struct flow *flow;
	int doomed, result;

	if (!packet)
		return ACTION_DROP;
	flow = &packet->flow;
	doomed = stack_refuses(packet);
	if (packet->host_origin)
		flow->flags |= FLOW_HOST_CLIENT;
	else if (address_is_local(packet, &packet->tuple.source))
		flow->flags |= FLOW_OWN_CLIENT;
	if (packet->route.kind == ROUTE_LOCAL) {
		flow->flags |= FLOW_HOST_BACKEND;
		/* What was received is not masqueraded on the way to INPUT. */
		masquerade = masquerade && packet->host_origin;
	}
	/* It waits for the whole, which gives it its time. */
	if (flow->status & FLOW_UNFINISHED &&
	    flow->expires < packet->now + fragment_lifetime(packet))
		flow->expires = packet->now + fragment_lifetime(packet);
	if (doomed) {
		/* netfilter never confirms such a flow, but translates the stack's answer. */
		masquerade = 0;
		flow->flags |= FLOW_DOOMED;
		flow->expires = packet->now;
	}
	if (masquerade && !choose_source(packet))
		return drop(packet, DROP_NO_SOURCE);
	result = flow_enter(packet, masquerade);
	if (result == CREATE_NO_PORT)
		return drop(packet, DROP_NO_PORT);
	if (result == CREATE_TABLE_FULL)
		return served ? drop(packet, DROP_TABLE_FULL) : pass(packet, PASS_TABLE_FULL);
	return send_first(skb, packet, result, served ? REASON_NEW_FLOW : REASON_NEW_DIRECT_FLOW);
}

/* What INPUT refuses of the node's own has passed POSTROUTING, which confirmed the flow. */
static __always_inline void enter_before_input(struct packet *packet, int masquerade)
{
	struct flow *flow = &packet->flow;

	if (!packet->host_origin || packet->route.kind != ROUTE_LOCAL ||
	    filter_refusal(packet, &flow->backend, HOOK_OUTPUT, masquerade))
		return;
	flow->flags |= FLOW_HOST_CLIENT | FLOW_HOST_BACKEND;
	packet->masqueraded_before_input = masquerade;
	/* The fragments behind this one are refused without a look at their flow. */
	flow->status &= ~FLOW_UNFINISHED;
	if (!masquerade || choose_source(packet))
		flow_create(masquerade);
}

/* The client is led there, of a datagram in fragments when it is whole. */
static __always_inline void note_choice(struct packet *packet, const struct backend *backend)
{
	struct fragmented *datagram = &packet->fragments;

	if (!is_unfinished(packet)) {
		affinity_keep(packet, backend->id);
	} else if (packet->choice.flags & FRONTEND_AFFINITY) {
		datagram->affinity_backend = backend->id;
		datagram->affinity_timeout = packet->choice.affinity_timeout;
		datagram->affinity_lapsed = packet->affinity_lapsed;
	}
}

/* Where nothing leads to its destination, ip_route_input_slow() says so, and does not ask any more
 * whether to believe that the node itself has sent it; that of 127.0.0.0/8 it asks before, where that is
 * closed. */
static __always_inline int is_answered_unasked(const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV4 && packet->route.kind == ROUTE_REFUSED &&
	       (settings_of(packet)->flags & SETTING_ROUTE_LOCALNET ||
		!address_is_loopback(&packet->tuple.source, FAMILY_IPV4)) &&
	       claims_to_be_the_node(packet);
}

static __always_inline int start_service_flow(struct __sk_buff *skb, struct packet *packet)
{
	struct flow *flow = &packet->flow;
	const struct backend *backend = select_backend(packet);
	int masquerade, refusal;

	if (!backend)
		return drop(packet, DROP_NO_BACKEND);
	masquerade = lead_to(packet, backend);
	route_find(skb, packet, &packet->tuple.source, &flow->backend.address,
		   packet->host_origin ? LOOPBACK_IFINDEX : packet->ifindex);
	if (packet->martian && is_answered_unasked(packet)) {
		packet->martian = 0;
		packet->only_tracked = 0;
	}
	if (packet->martian) {
		/* Nothing is left of it but that. */
		affinity_keep(packet, backend->id);
		return drop(packet, DROP_MARTIAN);
	}
	/* Whole, it comes here again. */
	if (is_in_fragments(packet) && stack_refuses(packet))
		return hold(packet);
	note_choice(packet, backend);
	if (packet->host_origin && packet->route.kind == ROUTE_REFUSED)
		return drop(packet, DROP_NO_ROUTE);
	if (!stack_refuses(packet)) {
		refusal = refusal_on_the_way(skb, packet, &flow->backend,
					     packet->route.kind == ROUTE_LOCAL, masquerade);
		if (refusal) {
			enter_before_input(packet, masquerade);
			return refuse(skb, packet, refusal, destination_changes(flow));
		}
	}
	return start_flow(skb, masquerade, 1);
}

/* The node's own keep the way that the stack chose for them, unless they are masqueraded. */
static __always_inline void route_unserved(struct __sk_buff *skb, struct packet *packet, int local)
{
	const struct tuple *tuple = &packet->tuple;

	if (packet->host_origin && !local) {
		packet->route.kind = ROUTE_FORWARD;
		packet->route.ifindex = packet->ifindex;
		packet->route.next_hop = tuple->destination;
		packet->route.too_long = 0;
		return;
	}
	route_find(skb, packet, &tuple->source, &tuple->destination,
		   packet->host_origin ? LOOPBACK_IFINDEX : packet->ifindex);
}

/* No nat rule took it: refused by a filter rule, or no service's. */
static __always_inline int unserved_packet(struct __sk_buff *skb, struct packet *packet)
{
	const struct tuple *tuple = &packet->tuple;
	struct flow *flow = &packet->flow;
	/* The node's own reach all hosts of a subnet by the interface that leads there. */
	int local = address_is_local(packet, &tuple->destination) &&
		    !(packet->host_origin && packet->ifindex != LOOPBACK_IFINDEX);
	int marked = has_masquerade_mark(packet);
	int refusal;

	flow->backend = flow->frontend;
	if (packet->host_origin && enters_loopback(packet))
		return drop(packet, DROP_LOCALNET);
	refusal = refusal_on_the_way(skb, packet, &flow->backend, local, marked);
	route_unserved(skb, packet, local);
	if (refusal) {
		enter_before_input(packet, marked);
		return refuse(skb, packet, refusal, 0);
	}
	if (stack_refuses(packet))
		return leave_to_stack(packet);
	if (packet->host_origin ? marked && enters_loopback_masqueraded(packet)
				: enters_loopback_at_input(packet)) {
		enter_before_input(packet, marked);
		return drop(packet, DROP_LOCALNET);
	}
	return start_flow(skb, marked, 0);
}

static __always_inline int unserved_martian(struct __sk_buff *skb, struct packet *packet)
{
	route_find(skb, packet, &packet->tuple.source, &packet->tuple.destination, packet->ifindex);
	/* About the whole. */
	if (is_in_fragments(packet) && is_answered_unasked(packet))
		return hold(packet);
	return pass(packet, PASS_MARTIAN);
}

/* Nobody answers it. */
static __always_inline int packet_for_many(struct packet *packet)
{
	struct flow *flow = &packet->flow;

	switch (filter_refusal(packet, &flow->frontend,
			       packet->host_origin ? HOOK_OUTPUT : HOOK_INPUT,
			       has_masquerade_mark(packet))) {
	case REFUSAL_NONE:
		return pass(packet, PASS_SPECIAL_DESTINATION);
	case REFUSAL_REJECT:
		return drop(packet, DROP_REJECT_SILENT);
	case REFUSAL_DROP_SOURCE_RANGE:
		return drop(packet, DROP_SOURCE_RANGE);
	default:
		return drop(packet, DROP_NO_LOCAL_ENDPOINT);
	}
}

/* Of a packet that connection tracking has seen, and nothing more. */
static __always_inline int end_tracked(struct __sk_buff *skb, struct packet *packet)
{
	if (packet->martian)
		return unserved_martian(skb, packet);
	return packet->fragments.course == FRAGMENTS_INVALID ? invalid_packet(skb, packet)
							     : drop(packet, DROP_FRAGMENT);
}

#define start BY_FRAME(start)
VERIFIED_ONCE int start(struct __sk_buff *skb, struct packet *packet)
{
	if (!packet)
		return ACTION_DROP;
	if (packet->only_tracked && !packet->martian)
		return end_tracked(skb, packet);
	if (packet->headers.fragment == FRAGMENT_LATER)
		return pass(packet, PASS_FRAGMENT);
	if (!flow_begin(skb, packet))
		return packet->martian ? unserved_martian(skb, packet)
				       : invalid_packet(skb, packet);
	if (!packet->host_origin)
		packet->received_flow = RECEIVED_NEW;
	if (service_choose(packet))
		return start_service_flow(skb, packet);
	if (packet->martian)
		return unserved_martian(skb, packet);
	return destination_is_special(packet) ? packet_for_many(packet)
					      : unserved_packet(skb, packet);
}
