/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors about flows. The error travels against the packet that it quotes: that one's tuple,
 * reversed, finds the flow. The quoted packet is translated back, step by step as the flow's own
 * packets are, and the error's outer addresses with it (nf_nat_icmp_reply_translation(),
 * nf_nat_icmpv6_reply_translation() in net/netfilter/nf_nat_proto.c): where the quoted destination
 * was translated, the error comes to the client from the address that it had contacted.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "flow.bpf.h"
#include "forward.bpf.h"
#include "forwarded.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "refuse.bpf.h"
#include "refused.bpf.h"
#include "translate.bpf.h"
#include "translate_quoted.bpf.h"
#include "verify.bpf.h"
#include "written_options.bpf.h"

static __always_inline int source_changes(const struct flow *flow)
{
	return !address_equal(&flow->client.address, &flow->source.address) ||
	       flow->client.port != flow->source.port;
}

static __always_inline int apply_related(struct __sk_buff *skb, struct packet *packet)
{
	/* The kernel translates only what it sees whole, ports and a checksum (l4proto_manip_pkt()). */
	if (packet->quoted_short && !tuple_keeps(&packet->quoted, &packet->quoted_to))
		return drop(packet, DROP_REWRITE);
	if (translate_quoted(skb, packet))
		return drop(packet, DROP_REWRITE);
	if (translate(skb, packet))
		return drop(packet, DROP_REWRITE);
	return pass(packet, REASON_RELATED);
}

/* An error about SCTP with a checksum that PREROUTING made anew (`translated`) counts as unverified,
 * and INPUT sums it together with its IP header, whose checksum does not know what the stack has
 * written into its options meanwhile (sctp_manip_pkt(), __skb_checksum_complete()). */
static __always_inline int input_takes_for_broken(struct __sk_buff *skb, struct packet *packet,
						  int translated)
{
	const struct headers *quoted = &packet->quoted_headers;

	return translated && packet->quoted.protocol == IPPROTO_SCTP &&
	       quoted->end - quoted->transport >= SCTP_HEADER && has_ipv4_options(packet) &&
	       (!packet->host_origin || !options_are_refused(skb, packet)) &&
	       options_are_written_into(skb, packet);
}

/* Toward the client, about a packet as the backend's side saw it: fully translated. */
static __always_inline int related_to_client(struct __sk_buff *skb, struct packet *packet,
					     const struct flow *flow)
{
	struct tuple *quoted = &packet->quoted_to;

	tuple_between(quoted, &flow->client, &flow->frontend, &packet->quoted);
	packet->to = packet->tuple;
	/* Else it is already, or goes back along a source route. */
	if (source_changes(flow))
		packet->to.destination = flow->client.address;
	if (destination_changes(flow))
		packet->to.source = flow->frontend.address;
	return apply_related(skb, packet);
}

/* What nf_nat_manip_pkt() leaves even of a quote that it changes there and back: SCTP's checksum, made
 * anew. */
static __always_inline long settle_kept_quote(struct __sk_buff *skb, struct packet *packet,
					      const struct flow *flow)
{
	if (!packet->host_origin || packet->quoted.protocol != IPPROTO_SCTP ||
	    !tuple_keeps(&packet->quoted, &packet->quoted_to) ||
	    (!destination_changes(flow) && !source_changes(flow)))
		return 0;
	return remake_quoted_sctp_checksum(skb, packet);
}

/* Toward the backend, about a reply. */
static __always_inline int related_to_backend(struct __sk_buff *skb, struct packet *packet,
					      const struct flow *flow)
{
	struct tuple *quoted = &packet->quoted_to;

	tuple_between(quoted, &flow->backend, &flow->source, &packet->quoted);
	if (settle_kept_quote(skb, packet, flow))
		return drop(packet, DROP_REWRITE);
	packet->to = packet->tuple;
	if (destination_changes(flow))
		packet->to.destination = flow->backend.address;
	if (source_changes(flow))
		packet->to.source = flow->source.address;
	return apply_related(skb, packet);
}

/* First step, toward the client: the destination, and the quoted source. */
static __always_inline int related_ingress_reply(struct __sk_buff *skb, struct packet *packet,
						 const struct flow *flow)
{
	struct tuple *quoted = &packet->quoted_to;

	*quoted = packet->quoted;
	quoted->source = flow->client.address;
	packet->to = packet->tuple;
	packet->to.destination = flow->client.address;
	carry_mark(skb, packet, flow);
	return apply_related(skb, packet);
}

/* First step, toward the backend: the destination, and the quoted source; the quoted port becomes
 * the final one as that of the flow's own packets does. */
static __always_inline int related_ingress_original(struct __sk_buff *skb, struct packet *packet,
						    const struct flow *flow)
{
	struct tuple *quoted = &packet->quoted_to;

	*quoted = packet->quoted;
	quoted->source = flow->backend.address;
	quoted->source_port = flow->backend.port;
	quoted->destination_port = flow->source.port;
	packet->to = packet->tuple;
	packet->to.destination = flow->backend.address;
	carry_mark(skb, packet, flow);
	return apply_related(skb, packet);
}

/* From a link, about a reply to the node's own: for the backend. */
static __noinline int related_as_own(struct __sk_buff *skb, struct packet *packet,
				     const struct flow *flow)
{
	int action = related_to_backend(skb, packet, flow);

	if (packet->trace.verdict != VERDICT_PASS)
		return action;
	route_find(skb, packet, &packet->tuple.source, &packet->to.destination, packet->ifindex);
	if (packet->route.kind == ROUTE_LOCAL)
		return deliver_reply_to_host(skb, packet, &packet->to.source, REASON_RELATED);
	if (stack_refuses(packet))
		return action;
	if (make_forwarded(skb, packet))
		return drop(packet, DROP_REWRITE);
	return deliver_to_neighbour(skb, packet, REASON_RELATED);
}

static __always_inline int refuse_redirect(const struct packet *packet, const struct flow *flow)
{
	return packet->tuple.family == FAMILY_IPV4 && packet->icmp_type == ICMP_REDIRECT &&
	       (destination_changes(flow) || source_changes(flow));
}

static __noinline int related_ingress(struct __sk_buff *skb, struct packet *packet)
{
	struct tuple key;
	struct flow *flow, *state;
	int action;

	tuple_reverse(&key, &packet->quoted);
	/* An error is for whoever sent what it quotes. */
	if (!address_equal(&packet->tuple.destination, &packet->quoted.source))
		return unrelated_error(packet);
	flow = flow_find(&key, packet, &state);
	if (!flow)
		return unrelated_error(packet);
	trace_flow(packet, flow);
	if (refuse_redirect(packet, flow))
		return drop(packet, DROP_ICMP_REDIRECT);
	if (flow->role == FLOW_ORIGINAL) {
		if (flow->flags & FLOW_HOST_CLIENT)
			return related_as_own(skb, packet, flow);
		if (flow->flags & FLOW_HOST_BACKEND)
			return input_takes_for_broken(skb, packet, destination_changes(flow))
				       ? drop(packet, DROP_INVALID)
				       : related_to_backend(skb, packet, flow);
		return related_ingress_original(skb, packet, flow);
	}
	if (!(flow->flags & (FLOW_HOST_CLIENT | FLOW_OWN_CLIENT)))
		return related_ingress_reply(skb, packet, flow);
	if (flow->flags & FLOW_HOST_CLIENT &&
	    input_takes_for_broken(skb, packet, source_changes(flow)))
		return drop(packet, DROP_INVALID);
	action = related_to_client(skb, packet, flow);
	if (packet->trace.verdict != VERDICT_PASS)
		return action;
	if (is_for_ipv6_loopback(packet))
		return error_to_ipv6_loopback(skb, packet);
	if (!destination_changes(flow))
		return action;
	return deliver_reply_to_host(skb, packet, &flow->frontend.address, REASON_RELATED);
}

/* A process may speak of an earlier packet of the same tuple. */
static __always_inline int quotes_received(const struct packet *packet)
{
	return packet->quoted.family == FAMILY_IPV6 ||
	       packet->quoted_headers.identification == packet->received_identification;
}

/* What the stack says of the packet that it has just been given is about that one's own flow. */
static __always_inline int is_about_received(const struct packet *packet)
{
	return quotes_received(packet) && packet->received_flow &&
	       packet->received_flow != RECEIVED_AS_SENT &&
	       tuple_equal(&packet->received, &packet->quoted);
}

/* Not about what is on its way through the node, half translated. */
static __always_inline int is_about_sent(const struct packet *packet)
{
	return packet->received_flow == RECEIVED_AS_SENT &&
	       tuple_equal(&packet->received, &packet->quoted);
}

/* Whichever flow else may have the reverse of its tuple. */
static __always_inline int is_about_another(const struct packet *packet, const struct flow *flow)
{
	return packet->received_flow != flow->id && is_about_received(packet);
}

/* What goes back to such a client is delivered here, and never between the hooks. */
static __always_inline int is_inside_nobody(const struct flow *flow)
{
	return flow->role == FLOW_INSIDE_ORIGINAL && flow->flags & FLOW_OWN_CLIENT;
}

/* The flow of an error that the node's stack made: one that lives, or, of the packet just received,
 * one that never was to, or ended with that. */
static __noinline const struct flow *flow_of_own_error(struct packet *packet,
						       const struct tuple *key)
{
	struct flow *state;
	const struct flow *flow = flow_meet(key, packet, &state, 0);

	if (!flow || is_about_another(packet, flow) || is_inside_nobody(flow))
		return 0;
	if (is_about_received(packet))
		return flow;
	return flow->flags & FLOW_DOOMED ? 0 : flow_find(key, packet, &state);
}

/* At egress, translated: where its destination is another by NAT, its way is sought anew, as from the
 * source that it had (nf_nat_ipv4_local_fn()). `is_answer`: it is about what the server sent. */
static __always_inline int related_by_route(struct __sk_buff *skb, struct packet *packet,
					    const struct flow *flow, int is_answer, int action)
{
	if (packet->trace.verdict != VERDICT_PASS ||
	    (is_answer ? address_equal(&flow->frontend.address, &flow->backend.address)
		       : address_equal(&flow->client.address, &flow->source.address)) ||
	    address_equal(&packet->to.destination, &packet->tuple.destination))
		return action;
	route_find(skb, packet, &packet->tuple.source, &packet->to.destination, LOOPBACK_IFINDEX);
	if (packet->route.kind == ROUTE_REFUSED)
		return drop(packet, DROP_NO_ROUTE);
	return deliver_by_route(skb, packet, REASON_RELATED);
}

/* Of the node's stack, about a packet that it has just been given, where the quote does not lead to
 * the flow: it may be translated in part, and the error go back along a source route, not to whom it
 * quotes. Only an address that NAT has changed is another than the stack's in the end. */
static __noinline int related_to_received(struct __sk_buff *skb, struct packet *packet)
{
	const struct flow *living;
	struct flow *flow = &packet->flow;
	int reply;

	/* Of a flow that is not to be, and that nothing would be translated for. */
	if (packet->received_flow == RECEIVED_NEW)
		return pass(packet, PASS_RELATED_UNKNOWN);
	/* Another packet may have ended it; the one that began it is remembered with it. */
	living = bpf_map_lookup_elem(&flows, &packet->received_as);
	if (living && living->id == packet->received_flow)
		*flow = *living;
	if (flow->id != packet->received_flow)
		return unrelated_error(packet);
	trace_flow(packet, flow);
	if (refuse_redirect(packet, flow))
		return drop(packet, DROP_ICMP_REDIRECT);
	reply = flow->role == FLOW_REPLY;
	packet->quoted_to = packet->received_as;
	packet->to = packet->tuple;
	/* What is doomed has not come as far as to have its source changed. */
	if (reply ? destination_changes(flow)
		  : source_changes(flow) && !(flow->flags & FLOW_DOOMED))
		packet->to.destination = packet->received_as.source;
	if (reply ? source_changes(flow) : destination_changes(flow))
		packet->to.source = packet->received_as.destination;
	return related_by_route(skb, packet, flow, reply, apply_related(skb, packet));
}

/* About an answer on its way to the client, which has not been translated yet: all that nf_nat_manip_pkt()
 * does to the quote is to make SCTP's checksum anew. */
static __always_inline int quotes_an_answer(const struct packet *packet)
{
	const struct flow *flow;

	if (packet->quoted.protocol != IPPROTO_SCTP || !is_about_received(packet))
		return 0;
	flow = bpf_map_lookup_elem(&flows, &packet->quoted);
	return flow && flow->role == FLOW_REPLY && destination_changes(flow);
}

/* At ingress, nobody knew the flow that has this entry. */
static __always_inline int is_unfinished_flow(const struct flow *entry, const struct tuple *tuple,
					      struct packet *packet)
{
	if (entry->role != FLOW_ORIGINAL) {
		flow_original_key(&packet->key, entry, tuple);
		entry = bpf_map_lookup_elem(&flows, &packet->key);
	}
	return entry && entry->status & FLOW_UNFINISHED;
}

/* Errors of the node's own stack, and forwarded ones in their second step. */
static __noinline int related_egress(struct __sk_buff *skb, struct packet *packet)
{
	__u32 masquerade_mark = settings_of(packet)->masquerade_mark;
	const struct flow *flow = 0;
	struct flow *live;
	struct tuple key;
	int reply, action;

	packet->of_a_process =
		packet->host_origin && transport_checksum(skb, packet) == CHECKSUM_WRONG;
	/* What a process makes does not go with the packet that the stack was given. */
	if (packet->of_a_process || packet->now >= packet->received_expires)
		packet->received_flow = 0;
	if (packet->host_origin && !packet->of_a_process)
		recall_refused(is_about_received(packet) || is_about_sent(packet));
	if (packet->host_origin && is_about_received(packet)) {
		if (packet->received_source_routed)
			return related_to_received(skb, packet);
	} else if (packet->host_origin &&
		   !address_equal(&packet->tuple.destination, &packet->quoted.source)) {
		/* nf_conntrack_inet_error(): it has to be for whoever sent what it quotes. */
		return unrelated_error(packet);
	}
	tuple_reverse(&key, &packet->quoted);
	if (packet->host_origin) {
		flow = flow_of_own_error(packet, &key);
		if (!flow && !is_about_sent(packet)) {
			key.space = TUPLE_SPACE_INSIDE;
			flow = flow_of_own_error(packet, &key);
		}
	} else {
		if (packet->mark & masquerade_mark)
			key.space = TUPLE_SPACE_INSIDE;
		flow = flow_meet(&key, packet, &live, packet->mark & masquerade_mark);
		if (flow && is_unfinished_flow(flow, &key, packet))
			flow = 0;
	}
	/* nf_nat_icmp_reply_translation() asks even about what a process of the node made. */
	if (flow && packet->of_a_process)
		return drop(packet, DROP_INVALID);
	if (!flow && packet->host_origin && quotes_an_answer(packet))
		return remake_quoted_sctp_checksum(skb, packet) ? drop(packet, DROP_REWRITE)
								: pass(packet, REASON_RELATED);
	if (!flow)
		return packet->host_origin && is_about_received(packet)
			       ? related_to_received(skb, packet)
			       : unrelated_error(packet);
	trace_flow(packet, flow);
	if (packet->host_origin && refuse_redirect(packet, flow))
		return drop(packet, DROP_ICMP_REDIRECT);
	if (!packet->host_origin && packet->mark & masquerade_mark)
		skb->mark = packet->mark & ~masquerade_mark;
	reply = flow->role == FLOW_REPLY || flow->role == FLOW_INSIDE_REPLY;
	if (flow->role == FLOW_ORIGINAL && !packet->host_origin)
		return pass(packet, PASS_FORWARDED);
	action = reply ? related_to_client(skb, packet, flow)
		       : related_to_backend(skb, packet, flow);
	if (!packet->host_origin)
		return action;
	if (address_is_local(packet, &packet->to.destination) &&
	    input_takes_for_broken(skb, packet,
				   reply ? source_changes(flow) : destination_changes(flow)))
		return drop(packet, DROP_INVALID);
	return related_by_route(skb, packet, flow, !reply, action);
}
