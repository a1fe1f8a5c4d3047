/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The steps in which `packet->flow` comes to be: who begins it, to which endpoint of a service it
 * leads, under which source. Nothing but the packet changes until it is entered.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "flow.bpf.h"
#include "frame.bpf.h"
#include "new_flow.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "select.bpf.h"
#include "service.bpf.h"
#include "track.bpf.h"

/* Its datagram is only about to be one. */
static __always_inline int is_unfinished(const struct packet *packet)
{
	return packet->headers.fragment == FRAGMENT_FIRST && !packet->whole;
}

/* 0 where connection tracking does not let this packet start a flow. */
static __always_inline int flow_begin(frame_t *frame, struct packet *packet)
{
	const struct tuple *tuple = &packet->tuple;
	struct flow *flow = &packet->flow;

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->client.address = tuple->source;
	flow->client.port = tuple->source_port;
	flow->frontend.address = tuple->destination;
	flow->frontend.port = tuple->destination_port;
	flow->source = flow->client;
	if (!flow_start(frame, packet, flow))
		return 0;
	if (is_unfinished(packet))
		flow->status |= FLOW_UNFINISHED;
	return 1;
}

/* Returns whether the flow is to be masqueraded. */
static __always_inline int lead_to(struct packet *packet, const struct backend *backend)
{
	struct flow *flow = &packet->flow;

	flow->service_id = packet->choice.service_id;
	flow->backend.address = backend->address;
	flow->backend.port = backend->port;
	if (is_unfinished(packet))
		flow->backend_index = packet->choice.index;
	if (destination_changes(flow))
		packet->rules_read = 0;
	if (address_equal(&backend->address, &packet->tuple.source)) {
		packet->trace.flags |= TRACE_HAIRPIN;
		return 1;
	}
	return packet->choice.masquerade || packet->mark & settings_of(packet)->masquerade_mark;
}

/* `packet->route` leads to the backend. 0 where the node has no address to give. */
static __always_inline int choose_source(struct packet *packet)
{
	struct flow *flow = &packet->flow;

	flow->flags |= FLOW_MASQUERADED;
	if (!select_source(packet, packet->route.ifindex, &flow->backend.address, SCOPE_UNIVERSE,
			   &flow->source.address))
		return 0;
	if (!packet->host_origin && !address_equal(&flow->source.address, &flow->client.address))
		flow->flags |= FLOW_SOURCE_CHANGES;
	return 1;
}

/* The flow after flow_create(). Where another processor was first, the flow is its. */
static __always_inline const struct flow *flow_entered(struct packet *packet, int result)
{
	struct flow *flow, *state;

	if (result != CREATE_RACE)
		return &packet->flow;
	flow = flow_find(&packet->tuple, packet, &state);
	return flow && flow->role == FLOW_ORIGINAL ? flow : 0;
}
