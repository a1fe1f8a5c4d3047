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

/* Nothing, but known no earlier than `value`: where processors read ahead (arm64), they do not read what
 * depends on it before that. No program may ask for such an order in plainer words before Linux 6.15. */
static __always_inline __u32 nothing_of(__u32 value)
{
	asm volatile("%0 &= 0" : "+r"(value));
	return value;
}

/* An update may remove what is at a key and write it anew: two looks are in vain at most. */
#define FRONTEND_LOOKS 3

/* What is at the key in the packet's state, if anything, becomes `packet->frontend`. Control replaces
 * entries while packets look for them. The kernel gives the memory of one that was replaced to the next
 * that is written, at once, and for a moment a look-up may find neither (htab_map_update_elem()). What
 * another look finds at the same place has been the key's all along. */
static __always_inline int frontend_read(struct packet *packet, struct frontend_key *key)
{
	int is_there = 0;

	/* Whoever goes by a state sees what was written before packets were to. All else that is looked up
	 * in one has what follows of it in its key. */
	key->zero[0] = nothing_of(packet->service_state);
	for (int look = 0; look < FRONTEND_LOOKS; look++) {
		const struct frontend_versions *versions = bpf_map_lookup_elem(&frontends, key);

		if (versions)
			packet->frontend = packet->service_state < versions->since
						   ? versions->before
						   : versions->after;
		is_there = versions && packet->frontend.service_id;
		if (bpf_map_lookup_elem(&frontends, key) == versions)
			break;
	}
	return is_there;
}

static __always_inline int frontend_find(struct packet *packet, const struct address *address,
					 __be16 port, const struct tuple *like, __u8 kind)
{
	struct frontend_key key = {
		.port = port,
		.protocol = like->protocol,
		.family = like->family,
		.kind = kind,
	};

	if (kind == FRONTEND_ADDRESS)
		key.address = *address;
	return frontend_read(packet, &key);
}

VERIFIED_ONCE int frontend_find_listed(struct packet *packet, __u32 list, __u32 place)
{
	struct frontend_key key = {.kind = FRONTEND_LISTED};

	if (!packet)
		return 0;
	key.address.words[0] = list;
	key.address.words[1] = place;
	return frontend_read(packet, &key);
}

/* Of `packet->frontend`, if it `is_there`. */
static __always_inline void note_rules(struct packet *packet, int is_there, __u8 kind)
{
	struct filter_rules *rules =
		kind == FRONTEND_ADDRESS ? &packet->address_rules : &packet->node_port_rules;

	rules->flags = is_there ? packet->frontend.flags : 0;
	rules->service_id = is_there ? packet->frontend.service_id : 0;
	packet->rules_read |= 1 << kind;
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

static __always_inline int choose_external(struct packet *packet, const struct frontend *frontend,
					   const struct family_settings *settings,
					   struct choice *choice)
{
	if (!source_is_allowed(packet, frontend))
		return 0;
	choice->set = frontend->cluster_set;
	choice->count = frontend->cluster_count;
	if (!(frontend->flags & FRONTEND_POLICY_LOCAL)) {
		choice->masquerade = 1;
	} else if (settings->detector != DETECTOR_NONE && is_local_traffic(packet, settings)) {
		packet->trace.flags |= TRACE_SHORT_CIRCUIT;
	} else if (address_is_own(packet, &packet->tuple.source)) {
		packet->trace.flags |= TRACE_SHORT_CIRCUIT;
		choice->masquerade = 1;
	} else {
		packet->trace.flags |= TRACE_LOCAL_SET;
		choice->set = frontend->local_set;
		choice->count = frontend->local_count;
	}
	return choice->count != 0;
}

static __always_inline int choose_cluster_ip(struct packet *packet, const struct frontend *frontend,
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

VERIFIED_ONCE int choose_set(struct packet *packet)
{
	const struct family_settings *settings;
	const struct frontend *frontend;
	struct choice *choice;

	if (!packet)
		return 0;
	settings = packet->tuple.family == FAMILY_IPV4 ? &settings_of(packet)->ipv4
						       : &settings_of(packet)->ipv6;
	frontend = &packet->frontend;
	choice = &packet->choice;
	packet->trace.flags &= ~(TRACE_SHORT_CIRCUIT | TRACE_LOCAL_SET);
	if (!(frontend->flags & FRONTEND_HAS_ENDPOINTS))
		return 0;
	choice->service_id = frontend->service_id;
	choice->flags = frontend->flags;
	choice->affinity_timeout = frontend->affinity_timeout;
	choice->masquerade = 0;
	if (frontend->flags & FRONTEND_CLUSTER_IP)
		return choose_cluster_ip(packet, frontend, settings, choice);
	return choose_external(packet, frontend, settings, choice);
}

/* Rules of one kind, service by service. */
VERIFIED_ONCE int choose_among(struct packet *packet, __u8 kind)
{
	const struct tuple *tuple;
	int is_there;

	if (!packet)
		return 0;
	tuple = &packet->tuple;
	is_there = frontend_find(packet, &tuple->destination, tuple->destination_port, tuple, kind);
	note_rules(packet, is_there, kind);
	for (__u32 place = 1; is_there && place <= FRONTENDS_AT_ONE_PLACE; place++) {
		if (choose_set(packet))
			return 1;
		if (!packet->frontend.others)
			break;
		is_there = frontend_find_listed(packet, packet->frontend.others, place);
	}
	packet->trace.flags &= ~(TRACE_SHORT_CIRCUIT | TRACE_LOCAL_SET);
	return 0;
}

static __always_inline int node_ports_answer_at(const struct packet *packet)
{
	const struct address *destination = &packet->tuple.destination;
	struct local_address local;

	if (!local_find(packet, destination, &local))
		return 0;
	if (local.flags & (LOCAL_ADDRESS_NODE_PORTS | LOCAL_ADDRESS_SHARED))
		return !(local.flags & LOCAL_ADDRESS_SHARED);
	return packet->tuple.family == FAMILY_IPV4 &&
	       settings_of(packet)->flags & SETTING_NODE_PORTS_ON_ALL_LOOPBACK &&
	       address_is_loopback(destination, FAMILY_IPV4);
}

/* The nat rules; `packet->choice` says what they decided. Address rules come first; what they do
 * not lead anywhere may still be for a node port. */
static __always_inline int service_choose(struct packet *packet)
{
	packet->rules_read = 0;
	if (choose_among(packet, FRONTEND_ADDRESS)) {
		packet->trace.flags |= packet->choice.flags & FRONTEND_CLUSTER_IP
					       ? TRACE_CLUSTER_IP
					       : TRACE_EXTERNAL_IP;
		return 1;
	}
	if (!node_ports_answer_at(packet) || !choose_among(packet, FRONTEND_NODE_PORT))
		return 0;
	packet->trace.flags |= TRACE_NODE_PORT;
	return 1;
}

static __always_inline int refusal_of(__u32 flags, __u32 rejects, __u32 drops)
{
	if (flags & rejects)
		return REFUSAL_REJECT;
	return flags & drops ? REFUSAL_DROP_NO_LOCAL_ENDPOINT : REFUSAL_NONE;
}

static __always_inline int external_refusal(const struct filter_rules *rules)
{
	return refusal_of(rules->flags, FRONTEND_REJECTS_EXTERNAL, FRONTEND_DROPS_EXTERNAL);
}

/* Of the rules for an address. */
static __always_inline int address_refusal(const struct filter_rules *rules, __u32 hooks,
					   int marked, int accepted)
{
	int refusal = REFUSAL_NONE;

	if (rules->flags & FRONTEND_DROPS_OTHER_SOURCES)
		return REFUSAL_DROP_SOURCE_RANGE;
	if (hooks & HOOK_FORWARD && marked)
		return REFUSAL_NONE;
	if (hooks & (HOOK_FORWARD | HOOK_OUTPUT))
		refusal = refusal_of(rules->flags, FRONTEND_REJECTS_INTERNAL,
				     FRONTEND_DROPS_INTERNAL);
	if (!refusal && (hooks & HOOK_FORWARD || (hooks & HOOK_INPUT && !accepted &&
						  !(rules->flags & FRONTEND_NODE_PORT_FIRST))))
		refusal = external_refusal(rules);
	return refusal;
}

/* What nat rules have read is not read again. */
static __always_inline const struct filter_rules *
rules_of(struct packet *packet, const struct socket_address *destination, __u8 kind)
{
	if (!(packet->rules_read & 1 << kind))
		note_rules(packet,
			   frontend_find(packet, &destination->address, destination->port,
					 &packet->tuple, kind),
			   kind);
	return kind == FRONTEND_ADDRESS ? &packet->address_rules : &packet->node_port_rules;
}

/* INPUT accepts what goes to a health check's port, whatever the rules behind it say. */
static __always_inline int is_health_check(struct packet *packet, __be16 port)
{
	return port && packet->tuple.protocol == IPPROTO_TCP &&
	       frontend_find(packet, 0, port, &packet->tuple, FRONTEND_HEALTH_CHECK);
}

/* Of packets that come with it. */
static __always_inline int has_masquerade_mark(const struct packet *packet)
{
	return !!(packet->mark & settings_of(packet)->masquerade_mark);
}

/* The filter rules for a new flow to `destination`, as it is after nat; new is every packet of a
 * flow that nobody has answered yet, and the rules may have changed since the first: who asks about
 * another destination than before, or a later packet, clears `rules_read`. `marked`: for masquerade,
 * which FORWARD accepts before it looks at services; nat rules mark first packets only.
 */
VERIFIED_ONCE int filter_refusal(struct packet *packet, const struct socket_address *destination,
				 __u32 hooks, int marked)
{
	const struct filter_rules *rules;
	int refusal, accepted;

	if (!packet || !destination)
		return REFUSAL_NONE;
	accepted = hooks & HOOK_INPUT && is_health_check(packet, destination->port);
	rules = rules_of(packet, destination, FRONTEND_ADDRESS);
	refusal = address_refusal(rules, hooks, marked, accepted);
	if (!refusal && hooks & HOOK_INPUT && !accepted &&
	    address_is_own(packet, &destination->address)) {
		rules = rules_of(packet, destination, FRONTEND_NODE_PORT);
		refusal = external_refusal(rules);
	}
	if (refusal)
		packet->trace.service_id = rules->service_id;
	return refusal;
}
