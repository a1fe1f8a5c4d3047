/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which service a packet is for, to which set of its endpoints it may go, and whether it is
 * masqueraded: what kube-proxy's nat rules decide (pkg/proxy/iptables/proxier.go, chains
 * KUBE-SERVICES, KUBE-NODEPORTS, KUBE-EXT, KUBE-SVC, KUBE-SVL, KUBE-FW); and what its filter rules
 * refuse (KUBE-SERVICES, KUBE-EXTERNAL-SERVICES, KUBE-PROXY-FIREWALL).
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "tuple.bpf.h"
#include "verified_once.bpf.h"

/* What nat decided; `count` is 0 where no rule led to an endpoint. */
struct choice {
	struct frontend *frontend;
	struct affinity *affinity; /* of the client, where it has one */
	__u32 set;
	__u32 count;
	__u8 masquerade;
};

/* The filter hooks that a packet meets. */
enum filter_hook {
	HOOK_INPUT = 1 << 0,
	HOOK_FORWARD = 1 << 1,
	HOOK_OUTPUT = 1 << 2,
};

enum refusal {
	REFUSAL_NONE = 0,
	REFUSAL_REJECT,
	REFUSAL_DROP_NO_LOCAL_ENDPOINT,
	REFUSAL_DROP_SOURCE_RANGE,
};

static __always_inline struct frontend *frontend_find(const struct address *address, __be16 port,
						      const struct tuple *like, __u8 kind)
{
	struct frontend_key key = {
		.port = port,
		.protocol = like->protocol,
		.family = like->family,
		.kind = kind,
	};

	if (kind == FRONTEND_ADDRESS)
		key.address = *address;
	return bpf_map_lookup_elem(&frontends, &key);
}

static __always_inline int is_local_traffic(const struct packet *packet,
					    const struct family_settings *settings)
{
	if (settings->detector == DETECTOR_PREFIX)
		return address_has_prefix(&packet->tuple.source, &settings->local_prefix,
					  settings->local_prefix_length);
	/* Packets of the node's own have no ingress interface. */
	return settings->detector == DETECTOR_INTERFACE && !packet->host_origin &&
	       packet->interface_flags & INTERFACE_LOCAL_TRAFFIC;
}

static __always_inline int source_is_allowed(const struct packet *packet,
					     const struct frontend *frontend)
{
	struct source_range_key key = {
		.prefix_length = 32 + 128,
		.list = frontend->source_ranges,
		.address = packet->tuple.source,
	};

	if (!(frontend->flags & FRONTEND_SOURCE_RANGES))
		return 1;
	return bpf_map_lookup_elem(&source_ranges, &key) != 0;
}

static __always_inline int choose_external(struct packet *packet, struct frontend *frontend,
					   const struct family_settings *settings,
					   struct choice *choice)
{
	struct local_address *local;

	if (!source_is_allowed(packet, frontend))
		return 0;
	choice->set = frontend->cluster_set;
	choice->count = frontend->cluster_count;
	if (!(frontend->flags & FRONTEND_POLICY_LOCAL)) {
		choice->masquerade = 1;
	} else if (settings->detector != DETECTOR_NONE && is_local_traffic(packet, settings)) {
		packet->trace.flags |= TRACE_SHORT_CIRCUIT;
	} else if (address_is_local(packet, &packet->tuple.source, &local)) {
		packet->trace.flags |= TRACE_SHORT_CIRCUIT;
		choice->masquerade = 1;
	} else {
		packet->trace.flags |= TRACE_LOCAL_SET;
		choice->set = frontend->local_set;
		choice->count = frontend->local_count;
	}
	return choice->count != 0;
}

static __always_inline int choose_cluster_ip(struct packet *packet, struct frontend *frontend,
					     const struct family_settings *settings,
					     struct choice *choice)
{
	choice->set = frontend->cluster_set;
	choice->count = frontend->cluster_count;
	if (frontend->flags & FRONTEND_POLICY_LOCAL) {
		packet->trace.flags |= TRACE_LOCAL_SET;
		choice->set = frontend->local_set;
		choice->count = frontend->local_count;
	}
	choice->masquerade =
		settings_of(packet)->flags & SETTING_MASQUERADE_ALL ||
		(settings->detector != DETECTOR_NONE && !is_local_traffic(packet, settings));
	return choice->count != 0;
}

static __always_inline int choose_set(struct packet *packet, struct frontend *frontend,
				      struct choice *choice)
{
	const struct family_settings *settings = packet->tuple.family == FAMILY_IPV4
							 ? &settings_of(packet)->ipv4
							 : &settings_of(packet)->ipv6;

	if (!(frontend->flags & FRONTEND_HAS_ENDPOINTS))
		return 0;
	choice->frontend = frontend;
	choice->masquerade = 0;
	if (frontend->flags & FRONTEND_CLUSTER_IP)
		return choose_cluster_ip(packet, frontend, settings, choice);
	return choose_external(packet, frontend, settings, choice);
}

static __always_inline int node_ports_answer_at(const struct packet *packet)
{
	const struct address *destination = &packet->tuple.destination;
	struct local_address *local;

	if (!address_is_local(packet, destination, &local))
		return 0;
	if (local && local->flags & LOCAL_ADDRESS_NODE_PORTS)
		return 1;
	return packet->tuple.family == FAMILY_IPV4 &&
	       settings_of(packet)->flags & SETTING_NODE_PORTS_ON_ALL_LOOPBACK &&
	       address_is_loopback(destination, FAMILY_IPV4);
}

/* The nat rules. Address rules come first; what they do not lead anywhere may still be for a node
 * port. */
static __noinline int service_choose(struct packet *packet, struct choice *choice)
{
	const struct tuple *tuple = &packet->tuple;
	struct frontend *frontend;

	choice->count = 0;
	frontend = frontend_find(&tuple->destination, tuple->destination_port, tuple,
				 FRONTEND_ADDRESS);
	if (frontend && choose_set(packet, frontend, choice)) {
		packet->trace.flags |= frontend->flags & FRONTEND_CLUSTER_IP ? TRACE_CLUSTER_IP
									     : TRACE_EXTERNAL_IP;
		return 1;
	}
	packet->trace.flags &= ~(TRACE_SHORT_CIRCUIT | TRACE_LOCAL_SET);
	if (!node_ports_answer_at(packet))
		return 0;
	frontend = frontend_find(0, tuple->destination_port, tuple, FRONTEND_NODE_PORT);
	if (frontend && choose_set(packet, frontend, choice)) {
		packet->trace.flags |= TRACE_NODE_PORT;
		return 1;
	}
	packet->trace.flags &= ~(TRACE_SHORT_CIRCUIT | TRACE_LOCAL_SET);
	return 0;
}

static __always_inline int frontend_refusal(const struct frontend *frontend)
{
	if (!(frontend->flags & FRONTEND_HAS_ENDPOINTS))
		return REFUSAL_REJECT;
	if (frontend->flags & FRONTEND_POLICY_LOCAL && !frontend->local_count)
		return REFUSAL_DROP_NO_LOCAL_ENDPOINT;
	return REFUSAL_NONE;
}

/* The filter rules for a new flow to `destination`, as it is after nat. `marked`: for masquerade,
 * which FORWARD accepts before it looks at services. */
VERIFIED_ONCE int filter_refusal(struct packet *packet, const struct socket_address *destination,
				 __u32 hooks, int marked)
{
	const struct frontend *frontend;
	const struct tuple *tuple;
	int refusal = REFUSAL_NONE;

	if (!packet || !destination)
		return REFUSAL_NONE;
	tuple = &packet->tuple;
	frontend = frontend_find(&destination->address, destination->port, tuple, FRONTEND_ADDRESS);
	if (frontend) {
		if (frontend->flags & FRONTEND_SOURCE_RANGES &&
		    frontend->flags & FRONTEND_HAS_ENDPOINTS)
			refusal = REFUSAL_DROP_SOURCE_RANGE;
		else if (hooks & HOOK_FORWARD && marked)
			refusal = REFUSAL_NONE;
		else if (hooks &
			 (frontend->flags & FRONTEND_CLUSTER_IP ? HOOK_FORWARD | HOOK_OUTPUT
								: HOOK_FORWARD | HOOK_INPUT))
			refusal = frontend_refusal(frontend);
		if (refusal) {
			packet->trace.service_id = frontend->service_id;
			return refusal;
		}
	}
	if (!(hooks & HOOK_INPUT))
		return REFUSAL_NONE;
	frontend = frontend_find(0, destination->port, tuple, FRONTEND_NODE_PORT);
	if (!frontend || frontend->flags & FRONTEND_HEALTH_CHECK)
		return REFUSAL_NONE;
	refusal = frontend_refusal(frontend);
	if (refusal)
		packet->trace.service_id = frontend->service_id;
	return refusal;
}

/* Whether a rule could match packets to here. */
static __always_inline int is_service_address(const struct packet *packet,
					      const struct address *address, __be16 port)
{
	const struct tuple *like = &packet->tuple;
	struct local_address *found;

	if (frontend_find(address, port, like, FRONTEND_ADDRESS))
		return 1;
	return address_is_local(packet, address, &found) &&
	       frontend_find(0, port, like, FRONTEND_NODE_PORT);
}
