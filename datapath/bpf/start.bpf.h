/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The first packet of a flow, where everything about the flow is decided; and packets that start
 * none. What kube-proxy refuses in FORWARD has passed the router's own checks by then: a packet
 * that these would refuse is left to the stack.
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
#include "reject.bpf.h"
#include "route.bpf.h"
#include "select.bpf.h"
#include "service.bpf.h"

/* Sources that ip_route_input_slow() and ip6_rcv_core() do not believe. */
static __always_inline int source_is_martian(const struct packet *packet)
{
	const struct address *source = &packet->tuple.source;
	__u32 first = bpf_ntohl(source->words[0]);
	struct local_address *local;

	if (packet->tuple.family == FAMILY_IPV6)
		return first >> 24 == 0xff || address_is_loopback(source, FAMILY_IPV6);
	return first >> 28 == 0xe || first == 0xffffffff || first >> 24 == 0 ||
	       address_is_local(source, FAMILY_IPV4, &local);
}

/* A packet on its way through the node that will not come as far as FORWARD. */
static __always_inline int stack_refuses(const struct packet *packet)
{
	const struct route *route = &packet->route;

	if (packet->host_origin || route->kind == ROUTE_LOCAL)
		return 0;
	return route->kind == ROUTE_REFUSED || packet->headers.ttl <= 1 || route->too_big;
}

/* `translated`: the refusal is about a packet after its translation; the error quotes it as it
 * came, from the address that it was sent to. */
static __noinline int refuse(struct __sk_buff *skb, struct packet *packet, int refusal,
			     int translated)
{
	struct local_address *local;
	int input = packet->route.kind == ROUTE_LOCAL;

	if (stack_refuses(packet))
		return pass(packet, PASS_STACK_ANSWERS);
	if (refusal == REFUSAL_DROP_SOURCE_RANGE)
		return drop(packet, DROP_SOURCE_RANGE);
	if (refusal == REFUSAL_DROP_NO_LOCAL_ENDPOINT)
		return drop(packet, DROP_NO_LOCAL_ENDPOINT);
	if (translated ||
	    address_is_local(&packet->tuple.destination, packet->tuple.family, &local))
		return reject(skb, packet, &packet->tuple.destination,
			      !input && !packet->host_origin);
	return reject(skb, packet, 0, !packet->host_origin);
}

static __always_inline __u32 hooks_toward(const struct packet *packet, int local)
{
	if (packet->host_origin)
		return HOOK_OUTPUT | (local ? HOOK_INPUT : 0);
	return local ? HOOK_INPUT : HOOK_FORWARD;
}

/* Connection tracking makes nothing of it: it is not translated, and dropped in FORWARD. That of
 * flows that no service owns is left alone. */
static __noinline int invalid_packet(struct __sk_buff *skb, struct packet *packet, int service)
{
	const struct tuple *tuple = &packet->tuple;

	packet->to = packet->tuple;
	if (packet->host_origin || !(node_settings.flags & SETTING_DROP_INVALID))
		return pass(packet, PASS_INVALID);
	if (!service && !frontend_find(&tuple->destination, tuple->destination_port, tuple,
				       FRONTEND_ADDRESS))
		return pass(packet, PASS_INVALID);
	route_find(skb, packet, &tuple->source, &tuple->destination, packet->ifindex);
	if (packet->route.kind == ROUTE_LOCAL)
		return pass(packet, PASS_INVALID);
	if (stack_refuses(packet))
		return pass(packet, PASS_STACK_ANSWERS);
	return drop(packet, DROP_INVALID);
}

static __always_inline int create_failed(struct packet *packet, int result)
{
	return drop(packet, result == CREATE_NO_PORT ? DROP_NO_PORT : DROP_TABLE_FULL);
}

/* `packet->flow` has client, frontend and backend. */
static __noinline int start_flow(struct __sk_buff *skb, struct packet *packet, int masquerade,
				 int translated)
{
	struct flow *flow = &packet->flow, *state;
	__u8 reason = translated ? REASON_NEW_FLOW : REASON_NEW_DIRECT_FLOW;
	int result, refusal;

	route_find(skb, packet, &packet->tuple.source, &flow->backend.address,
		   packet->host_origin ? LOOPBACK_IFINDEX : packet->ifindex);
	if (translated && !stack_refuses(packet)) {
		refusal = filter_refusal(packet, &flow->backend,
					 hooks_toward(packet, packet->route.kind == ROUTE_LOCAL),
					 masquerade);
		if (refusal)
			return refuse(skb, packet, refusal, 1);
	}
	flow->source.address = flow->client.address;
	if (packet->route.kind == ROUTE_LOCAL)
		flow->flags |= FLOW_HOST_BACKEND;
	if (packet->host_origin) {
		flow->flags |= FLOW_HOST_CLIENT;
		if (packet->route.kind == ROUTE_REFUSED)
			return drop(packet, DROP_NO_ROUTE);
	} else if (packet->route.kind == ROUTE_LOCAL) {
		masquerade = 0; /* POSTROUTING, where it would be done, is not on this way */
	} else if (stack_refuses(packet)) {
		/* netfilter never confirms such a flow, but translates the stack's answer. */
		masquerade = 0;
		flow->expires = packet->now;
	}
	if (masquerade) {
		flow->flags |= FLOW_MASQUERADED;
		if (!select_source(packet, &flow->backend.address, SCOPE_UNIVERSE,
				   &flow->source.address))
			return drop(packet, DROP_NO_SOURCE);
		if (!packet->host_origin &&
		    !address_equal(&flow->source.address, &flow->client.address))
			flow->flags |= FLOW_SOURCE_ADDRESS_CHANGES;
	}
	result = flow_create(packet, masquerade);
	if (result == CREATE_RACE) {
		struct flow *winner = flow_find(&packet->tuple, packet, &state);

		if (!winner || winner->role != FLOW_ORIGINAL)
			return drop(packet, DROP_TABLE_FULL);
		flow = winner;
	} else if (result != CREATE_OK) {
		return create_failed(packet, result);
	}
	trace_flow(packet, flow);
	if (packet->host_origin)
		return host_original(skb, packet, flow, reason);
	return ingress_original(skb, packet, flow, reason);
}

static __always_inline int start_service_flow(struct __sk_buff *skb, struct packet *packet,
					 const struct choice *choice)
{
	struct flow *flow = &packet->flow;
	const struct backend *backend = select_backend(packet, choice);
	int masquerade = choice->masquerade ||
			 packet->mark & node_settings.masquerade_mark;

	if (!backend)
		return drop(packet, DROP_NO_BACKEND);
	flow->service_id = choice->frontend->service_id;
	flow->backend.address = backend->address;
	flow->backend.port = backend->port;
	if (address_equal(&backend->address, &packet->tuple.source)) {
		packet->trace.flags |= TRACE_HAIRPIN;
		masquerade = 1;
	}
	return start_flow(skb, packet, masquerade, 1);
}

static __always_inline int is_endpoint(const struct tuple *tuple)
{
	struct endpoint_key key = {
		.address = tuple->destination,
		.port = tuple->destination_port,
		.protocol = tuple->protocol,
		.family = tuple->family,
	};

	return bpf_map_lookup_elem(&endpoints, &key) != 0;
}

/* Neither nat rule took it: refused by a filter rule, or no service's. */
static __always_inline int unserved_packet(struct __sk_buff *skb, struct packet *packet)
{
	const struct tuple *tuple = &packet->tuple;
	struct socket_address destination = {
		.address = tuple->destination,
		.port = tuple->destination_port,
	};
	struct local_address *found;
	int local = address_is_local(&tuple->destination, tuple->family, &found);
	int marked = !!(packet->mark & node_settings.masquerade_mark);
	int refusal = filter_refusal(packet, &destination, hooks_toward(packet, local), marked);

	if (refusal) {
		route_find(skb, packet, &tuple->source, &tuple->destination,
			   packet->host_origin ? LOOPBACK_IFINDEX : packet->ifindex);
		return refuse(skb, packet, refusal, 0);
	}
	if (!marked && !is_endpoint(tuple))
		return pass(packet, PASS_NO_SERVICE);
	packet->flow.backend = destination;
	return start_flow(skb, packet, marked, 0);
}

static __noinline int start(struct __sk_buff *skb, struct packet *packet)
{
	const struct tuple *tuple = &packet->tuple;
	struct flow *flow = &packet->flow;
	struct choice choice = {};

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->client.address = tuple->source;
	flow->client.port = tuple->source_port;
	flow->frontend.address = tuple->destination;
	flow->frontend.port = tuple->destination_port;
	if (!flow_start(packet, flow))
		return invalid_packet(skb, packet, 0);
	if (service_choose(packet, &choice))
		return start_service_flow(skb, packet, &choice);
	return unserved_packet(skb, packet);
}
