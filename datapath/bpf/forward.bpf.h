/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Applies a flow's translation to a packet. What is forwarded is translated in two steps, as
 * netfilter does it: destinations (and ports) at ingress, so that the stack routes by them; source
 * addresses at egress, since no stack forwards a packet that seems to come from itself. What the
 * node's own processes send or receive has only one hook and is translated at once.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "deliver.bpf.h"
#include "flow.bpf.h"
#include "forwarded.bpf.h"
#include "ip_options.bpf.h"
#include "ipv6_loopback.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "special.bpf.h"
#include "translate.bpf.h"
#include "verified_once.bpf.h"
#include "whole_sctp.bpf.h"

/* What the egress hook needs to know of this packet. */
static __always_inline void carry_mark(struct __sk_buff *skb, struct packet *packet,
				       const struct flow *flow)
{
	__u32 mark = packet->mark & ~settings_of(packet)->masquerade_mark;

	if (flow->flags & FLOW_SOURCE_CHANGES)
		mark |= settings_of(packet)->masquerade_mark;
	if (mark != packet->mark)
		skb->mark = mark;
}

/* Replies come from an address of the node's own where the client had contacted one. lo is open to
 * 127.0.0.0/8 for such sources; as a destination that is for the interface to refuse. */
static __always_inline int deliver_reply_to_host(struct __sk_buff *skb, struct packet *packet,
						 const struct address *source, __u8 reason)
{
	if (address_is_local(packet, source) &&
	    !destination_is_martian(packet, &packet->to.destination))
		return deliver_to_host(skb, packet, reason);
	return pass(packet, reason);
}

/* A packet from a link that says it is one of the node's own: IPv6 lets it pass. What is translated
 * at once for the node's own is so for this, too. */
static __noinline int ingress_as_own(struct __sk_buff *skb, struct packet *packet,
				     const struct flow *flow, __u8 reason)
{
	tuple_between(&packet->to, &flow->source, &flow->backend, &packet->tuple);
	route_find(skb, packet, &packet->tuple.source, &flow->backend.address, packet->ifindex);
	if (stack_refuses(packet)) {
		packet->to.source = packet->tuple.source;
		packet->to.source_port = packet->tuple.source_port;
	}
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	if (stack_refuses(packet))
		return pass(packet, reason);
	if (packet->route.kind == ROUTE_LOCAL)
		return deliver_reply_to_host(skb, packet, &packet->to.source, reason);
	if (make_forwarded(skb, packet))
		return drop(packet, DROP_REWRITE);
	return deliver_to_neighbour(skb, packet, reason);
}

static __noinline int ingress_original(struct __sk_buff *skb, struct packet *packet,
				       const struct flow *flow, __u8 reason)
{
	if (flow->flags & FLOW_HOST_CLIENT)
		return ingress_as_own(skb, packet, flow, reason);
	flow_inside_key(&packet->to, flow, &packet->tuple);
	carry_mark(skb, packet, flow);
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	return pass(packet, reason);
}

static __noinline int ingress_reply(struct __sk_buff *skb, struct packet *packet,
				    const struct flow *flow)
{
	/* The stack's error about a source-routed packet says who sent it, as PREROUTING leaves it. */
	if (flow->flags & (FLOW_HOST_CLIENT | FLOW_OWN_CLIENT) && !packet->source_routed) {
		/* That it is for the node itself only its flow tells. */
		if (packet->options_refused && claims_to_be_the_node(packet))
			return pass(packet, PASS_MARTIAN);
		tuple_between(&packet->to, &flow->frontend, &flow->client, &packet->tuple);
		if (is_for_ipv6_loopback(packet))
			return reply_to_ipv6_loopback(skb, packet);
		if (translate(skb, packet))
			return drop(packet, DROP_REWRITE);
		return deliver_reply_to_host(skb, packet, &flow->frontend.address, REASON_REPLY);
	}
	packet->to = packet->tuple;
	packet->to.destination = flow->client.address;
	carry_mark(skb, packet, flow);
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	return pass(packet, REASON_REPLY);
}

/* What the stack may say of a packet of the node's own is of the flow that it was sent in. Whether it
 * would say it of a fragment. */
static __always_inline int note_refused_by_lo(struct __sk_buff *skb, struct packet *packet,
					      const struct flow *flow)
{
	packet->options_refused = stack_refuses_options(skb, packet);
	packet->received_flow = flow->id;
	return packet->options_refused && is_in_fragments(packet);
}

/* What keeps its destination keeps the way that the stack chose for it. */
static __noinline int host_original(struct __sk_buff *skb, struct packet *packet,
				    const struct flow *flow, __u8 reason)
{
	tuple_between(&packet->to, &flow->source, &flow->backend, &packet->tuple);
	if (is_awaited_whole(skb, packet))
		return hold(packet);
	if (flow->flags & FLOW_HOST_BACKEND && note_refused_by_lo(skb, packet, flow))
		return hold(packet);
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	if (!flow->service_id)
		return deliver_as_routed(skb, packet, reason);
	return deliver_by_route(skb, packet, reason);
}

/* A later packet of the node's own: routes may have changed since the first. */
static __noinline int host_packet(struct __sk_buff *skb, struct packet *packet,
				  const struct flow *flow)
{

	if (!flow->service_id)
		return host_original(skb, packet, flow, REASON_ORIGINAL);
	route_find(skb, packet, &flow->source.address, &flow->backend.address, LOOPBACK_IFINDEX);
	if (packet->route.kind == ROUTE_REFUSED)
		return drop(packet, DROP_NO_ROUTE);
	return host_original(skb, packet, flow, REASON_ORIGINAL);
}

static __noinline int host_reply(struct __sk_buff *skb, struct packet *packet,
				 const struct flow *flow)
{
	tuple_between(&packet->to, &flow->frontend, &flow->client, &packet->tuple);
	if (is_awaited_whole(skb, packet))
		return hold(packet);
	if (flow->flags & (FLOW_HOST_CLIENT | FLOW_OWN_CLIENT) &&
	    note_refused_by_lo(skb, packet, flow))
		return hold(packet);
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	return deliver_as_routed(skb, packet, REASON_REPLY);
}

/* INVALID, and given to the stack for it to write into its options, or to cut it. */
static __always_inline int came_in_invalid(const struct packet *packet)
{
	return packet->received_flow == RECEIVED_AS_SENT &&
	       tuple_equal(&packet->received, &packet->tuple);
}

/* The second step. */
static __noinline int egress_forwarded(struct __sk_buff *skb, struct packet *packet)
{
	__u32 masquerade_mark = settings_of(packet)->masquerade_mark;
	struct flow *flow, *live;

	if (came_in_invalid(packet))
		return pass(packet, PASS_INVALID);
	packet->key = packet->tuple;
	if (packet->mark & masquerade_mark)
		packet->key.space = TUPLE_SPACE_INSIDE;
	flow = flow_meet(&packet->key, packet, &live, packet->mark & masquerade_mark);
	if (is_left_behind(packet, flow))
		return drop(packet, DROP_FRAGMENT);
	if (!flow)
		return pass(packet, PASS_FORWARDED);
	trace_flow(packet, flow);
	note_flow_of_first(flow);
	if (packet->mark & masquerade_mark)
		skb->mark = packet->mark & ~masquerade_mark;
	if (flow->role == FLOW_INSIDE_ORIGINAL) {
		packet->to = packet->tuple;
		packet->to.source = flow->source.address;
	} else if (flow->role == FLOW_INSIDE_REPLY ||
		   (flow->role == FLOW_REPLY && !(flow->flags & FLOW_HOST_CLIENT))) {
		tuple_between(&packet->to, &flow->frontend, &flow->client, &packet->tuple);
	} else {
		return pass(packet, PASS_FORWARDED);
	}
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	return pass(packet, flow->role == FLOW_INSIDE_ORIGINAL ? REASON_ORIGINAL : REASON_REPLY);
}
