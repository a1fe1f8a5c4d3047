/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What kube-proxy's filter rules do not let through: packets for services without endpoints
 * (REJECT) or without endpoints here (DROP), from sources that a load balancer excludes, packets
 * that connection tracking can make nothing of, and those that would enter 127.0.0.0/8. In FORWARD
 * a packet has already passed the router's own checks: what these would refuse is left to the
 * stack.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/tcp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flow.bpf.h"
#include "forwarded.bpf.h"
#include "hold.bpf.h"
#include "ip_options.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "reject.bpf.h"
#include "route.bpf.h"
#include "service.bpf.h"
#include "special.bpf.h"
#include "verified_once.bpf.h"

/* It refuses the packet, and may have something to say. */
static __always_inline int leave_to_stack(struct packet *packet)
{
	return is_in_fragments(packet) ? hold(packet) : pass(packet, PASS_STACK_ANSWERS);
}

/* An error about what is for this address comes from it: icmp_send() asks for the route, icmp6_send() for
 * addresses. */
static __always_inline int answers_for_itself(const struct packet *packet,
					      const struct address *address)
{
	struct local_address local;

	if (packet->tuple.family == FAMILY_IPV4)
		return address_is_own(packet, address);
	return local_find(packet, address, &local) && local.flags & ~LOCAL_ADDRESS_NODE_PORTS;
}

/* `translated`: the refusal is about a packet after its translation; the error quotes it as it
 * came, from the address that it was sent to. */
VERIFIED_ONCE int refuse(struct __sk_buff *skb, struct packet *packet, int refusal, int translated)
{
	int input;

	if (!packet)
		return ACTION_DROP;
	input = packet->route.kind == ROUTE_LOCAL;
	if (stack_refuses(packet))
		return leave_to_stack(packet);
	if (refusal == REFUSAL_DROP_SOURCE_RANGE)
		return drop(packet, DROP_SOURCE_RANGE);
	if (refusal == REFUSAL_DROP_NO_LOCAL_ENDPOINT)
		return drop(packet, DROP_NO_LOCAL_ENDPOINT);
	packet->quoted_back = translated;
	packet->recorded = input ? packet->route.next_hop.words[0] : 0;
	if (address_is_of_many(packet, &packet->route.next_hop))
		return drop(packet, DROP_REJECT_SILENT);
	if (translated || answers_for_itself(packet, &packet->tuple.destination))
		return reject(skb, packet, &packet->tuple.destination,
			      !input && !packet->host_origin);
	return reject(skb, packet, 0, !input && !packet->host_origin);
}

/* All filter rules on the way of a new flow's packet to `destination`, as it is after nat. */
static __always_inline int refusal_on_the_way(struct __sk_buff *skb, struct packet *packet,
					      const struct socket_address *destination, int local,
					      int marked)
{
	int refusal;

	if (!packet->host_origin)
		return filter_refusal(packet, destination, local ? HOOK_INPUT : HOOK_FORWARD,
				      marked);
	refusal = filter_refusal(packet, destination, HOOK_OUTPUT, marked);
	if (refusal || !local)
		return refusal;
	refusal = filter_refusal(packet, destination, HOOK_INPUT, marked);
	packet->refused_at_input = 1;
	return refusal && stack_refuses_options(skb, packet) ? REFUSAL_NONE : refusal;
}

/* To 127.0.0.0/8 from elsewhere, neither translated nor an answer: KUBE-FIREWALL drops it, since
 * kube-proxy opens these addresses to translated packets only (route_localnet). In INPUT, health
 * checks are accepted before. */
static __always_inline int is_for_guarded_loopback(const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV4 &&
	       settings_of(packet)->flags & SETTING_LOCALHOST_NODE_PORTS &&
	       address_is_loopback(&packet->tuple.destination, FAMILY_IPV4);
}

static __always_inline int enters_loopback(const struct packet *packet)
{
	return is_for_guarded_loopback(packet) &&
	       !address_is_loopback(&packet->tuple.source, FAMILY_IPV4);
}

static __always_inline int enters_loopback_at_input(struct packet *packet)
{
	return enters_loopback(packet) && !is_health_check(packet, packet->tuple.destination_port);
}

/* A marked packet of a process: by way of lo MASQUERADE gives it an address of another interface. */
static __always_inline int enters_loopback_masqueraded(struct packet *packet)
{
	return is_for_guarded_loopback(packet) &&
	       !is_health_check(packet, packet->tuple.destination_port);
}

/* A later packet of a flow of no service. */
static __always_inline int enters_loopback_again(struct __sk_buff *skb, struct packet *packet,
						 const struct flow *flow)
{
	int enters = packet->host_origin
			     ? flow->flags & FLOW_MASQUERADED && enters_loopback_masqueraded(packet)
			     : enters_loopback_at_input(packet);

	return enters && !flow->service_id && !stack_refuses_options(skb, packet);
}

/* A later packet from the client. */
static __always_inline int refuse_again(struct __sk_buff *skb, struct packet *packet,
					const struct flow *flow, const struct flow *state,
					int *action)
{
	int refusal;

	if (state->status & FLOW_SEEN_REPLY || is_of_a_beginning(packet))
		return 0;
	packet->rules_read = 0;
	refusal = refusal_on_the_way(skb, packet, &flow->backend, flow->flags & FLOW_HOST_BACKEND,
				     has_masquerade_mark(packet));
	if (!refusal && enters_loopback_again(skb, packet, flow)) {
		*action = drop(packet, DROP_LOCALNET);
		return 1;
	}
	if (!refusal)
		return 0;
	route_find(skb, packet, &packet->tuple.source, &flow->backend.address,
		   packet->host_origin ? LOOPBACK_IFINDEX : packet->ifindex);
	if (stack_refuses(packet))
		return 0;
	packet->masqueraded_before_input = packet->host_origin && flow->flags & FLOW_MASQUERADED;
	*action = refuse(skb, packet, refusal, destination_changes(flow));
	return 1;
}

/* Of a TCP header that is cut short, a match on ports makes an end (net/netfilter/xt_tcpudp.c), and of
 * extension headers that lead nowhere one on the protocol (ip6_packet_match()): in INPUT those of
 * health checks are asked about every packet. */
static __always_inline int input_drops_cut_header(struct packet *packet)
{
	const struct headers *headers = &packet->headers;

	if (!headers->chain_broken &&
	    (packet->tuple.protocol != IPPROTO_TCP || headers->fragment != FRAGMENT_NONE ||
	     headers->end - headers->transport >= sizeof(struct tcphdr)))
		return 0;
	packet->key = packet->tuple;
	packet->key.protocol = IPPROTO_TCP;
	return frontend_find(packet, 0, 0, &packet->key, FRONTEND_HEALTH_CHECK);
}

/* If it goes on, then to INPUT: what is received for many is never forwarded. */
static __always_inline int comes_in(const struct packet *packet)
{
	if (packet->host_origin)
		return packet->ifindex == LOOPBACK_IFINDEX;
	return destination_is_special(packet) ||
	       address_is_local(packet, &packet->tuple.destination);
}

/* Connection tracking makes nothing of it: it is not translated, and dropped in FORWARD. */
VERIFIED_ONCE int invalid_packet(struct __sk_buff *skb, struct packet *packet)
{
	const struct tuple *tuple;

	if (!packet)
		return ACTION_DROP;
	tuple = &packet->tuple;
	packet->to = packet->tuple;
	if (packet->host_origin && enters_loopback(packet))
		return drop(packet, DROP_LOCALNET);
	if (is_in_fragments(packet) && comes_in(packet) && stack_refuses_options(skb, packet))
		return hold(packet);
	if (comes_in(packet))
		return input_drops_cut_header(packet) && !stack_refuses_options(skb, packet)
			       ? drop(packet, DROP_INVALID)
			       : pass(packet, PASS_INVALID);
	if (packet->host_origin)
		return pass(packet, PASS_INVALID);
	route_find(skb, packet, &tuple->source, &tuple->destination, packet->ifindex);
	if (stack_refuses(packet))
		return leave_to_stack(packet);
	if (settings_of(packet)->flags & SETTING_DROP_INVALID)
		return drop(packet, DROP_INVALID);
	/* The stack has to cut it, or to write into its options. */
	if (packet->route.too_long || has_ipv4_options(packet))
		return pass(packet, PASS_INVALID);
	/* Past the stack, since egress is not to translate it either. */
	if (make_forwarded(skb, packet))
		return drop(packet, DROP_REWRITE);
	return deliver_to_neighbour(skb, packet, PASS_INVALID);
}

/* An ICMP error about no flow that there is; nobody answers to errors. */
static __always_inline int unrelated_error(struct packet *packet)
{
	if (packet->host_origin && enters_loopback(packet))
		return drop(packet, DROP_LOCALNET);
	if (packet->trace.program == PROGRAM_TC_INGRESS &&
	    settings_of(packet)->flags & SETTING_DROP_INVALID && !destination_is_special(packet) &&
	    !address_is_local(packet, &packet->tuple.destination))
		return drop(packet, DROP_INVALID);
	return pass(packet, PASS_RELATED_UNKNOWN);
}
