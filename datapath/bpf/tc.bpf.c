// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two programs at tc hooks: ingress and egress of every interface of the node that has an IP
 * stack of its own (uplinks, the host's ends of pod links, bridges but not their ports, lo). Both
 * do for each packet what kube-proxy's rules and netfilter would have done at the hooks behind
 * them:
 *
 *   ingress, received packets    PREROUTING and, as far as it can be foreseen, FORWARD and INPUT
 *   egress, forwarded packets    POSTROUTING
 *   egress, the node's own       OUTPUT and POSTROUTING, routing in between
 *
 * Packets that the node sends to itself are seen at the egress of lo; what arrives from lo was
 * decided there. What concerns no service and no endpoint passes untouched.
 */
#define FRAME_TC

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "begin.bpf.h"
#include "flow.bpf.h"
#include "flow_lock.bpf.h"
#include "forward.bpf.h"
#include "fragments.bpf.h"
#include "hold.bpf.h"
#include "ip_options.bpf.h"
#include "ipv6_loopback.bpf.h"
#include "maps.bpf.h"
#include "note.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "parse.bpf.h"
#include "refuse.bpf.h"
#include "refused.bpf.h"
#include "related.bpf.h"
#include "route.bpf.h"
#include "start.bpf.h"
#include "track.bpf.h"
#include "track_fragment.bpf.h"
#include "verify.bpf.h"

#define PACKET_TO_HOST 0
#define VLAN_ID 0x0fff

char _license[] SEC("license") = "Dual BSD/GPL";

/* The stack will not send it on: not there. */
static __always_inline int ends_on_the_way(struct __sk_buff *skb, struct packet *packet,
					   const struct address *destination)
{
	if (packet->host_origin)
		return 0;
	route_find(skb, packet, &packet->tuple.source, destination, packet->ifindex);
	return stack_refuses(packet);
}

static __always_inline int flow_ends_here(struct __sk_buff *skb, struct packet *packet,
					  const struct flow *flow, int reply)
{
	__u16 stays = reply ? FLOW_HOST_CLIENT | FLOW_OWN_CLIENT : FLOW_HOST_BACKEND;

	if (reply && is_answered_for_ipv6_loopback(packet, flow))
		return 1;
	return !(flow->flags & stays) &&
	       ends_on_the_way(skb, packet, reply ? &flow->client.address : &flow->backend.address);
}

/* It came before its first. Whatever the stack would say about it, it would say about the whole. */
static __always_inline int unknown_fragment(struct __sk_buff *skb, struct packet *packet)
{
	if (packet->trace.program == PROGRAM_TC_INGRESS &&
	    ends_on_the_way(skb, packet, &packet->tuple.destination))
		return drop(packet, DROP_FRAGMENT);
	return pass(packet, PASS_FRAGMENT);
}

/* What the stack would say of a first fragment it would say of the whole. */
static __always_inline int untracked_packet(struct __sk_buff *skb, struct packet *packet)
{
	if (packet->trace.program == PROGRAM_TC_INGRESS && is_in_fragments(packet) &&
	    ends_on_the_way(skb, packet, &packet->tuple.destination))
		return hold(packet);
	return pass(packet, PASS_OTHER_PROTOCOL);
}

/* What is removed meanwhile nobody tracks any more, least of all in another's place (flow_meet()). */
static __always_inline int track(struct __sk_buff *skb, struct packet *packet,
				 const struct flow *flow, struct flow *state, int reply)
{
	__u32 lock = flow_lock(flow->id);
	int result = TRACK_OK;

	if (state->id == flow->id)
		result = packet->headers.fragment == FRAGMENT_NONE
				 ? flow_track(skb, packet, state, reply)
				 : track_fragment(skb, packet, state, reply);
	flow_unlock(lock);
	return result;
}

/* The flow of a packet as it is on the wire, and what it calls for. */
static __always_inline int follow_flow(struct __sk_buff *skb, struct packet *packet)
{
	int in_fragments = is_in_fragments(packet) && !packet->only_tracked && !packet->host_origin;
	struct flow *flow, *state;
	int reply, tracked, action;

	flow = flow_find(&packet->tuple, packet, &state);
	if (!packet->only_tracked && is_left_behind(packet, flow))
		return drop(packet, DROP_FRAGMENT);
	if (!flow)
		return start(skb, packet);
	reply = flow->role == FLOW_REPLY;
	if (in_fragments && flow_ends_here(skb, packet, flow, reply))
		return hold(packet);
	tracked = track(skb, packet, flow, state, reply);
	if (tracked == TRACK_NEW) {
		/* Only the whole ends the one and begins the other. */
		if (in_fragments)
			return hold(packet);
		flow_remove(flow, &packet->tuple);
		return start(skb, packet);
	}
	if (packet->martian && (reply ? source_changes(flow) : destination_changes(flow)))
		return drop(packet, DROP_MARTIAN);
	if (packet->only_tracked)
		return end_tracked(skb, packet);
	trace_flow(packet, flow);
	note_flow_of_first(flow);
	if (tracked == TRACK_INVALID)
		return packet->headers.fragment == FRAGMENT_LATER
			       ? invalid_datagram(skb, packet, flow, state)
			       : invalid_packet(skb, packet);
	if (is_unforeseen(packet, flow))
		return drop(packet, DROP_UNFORESEEN);
	if (!packet->host_origin)
		note_flow_received(packet, flow,
				   flow->flags & (reply ? FLOW_HOST_CLIENT | FLOW_OWN_CLIENT
							: FLOW_HOST_BACKEND));
	if (reply) {
		if (!packet->host_origin)
			return ingress_reply(skb, packet, flow);
		if (!(flow->flags & FLOW_HOST_BACKEND))
			return pass(packet, PASS_MISPLACED);
		return host_reply(skb, packet, flow);
	}
	if (packet->host_origin && !(flow->flags & (FLOW_HOST_CLIENT | FLOW_OWN_CLIENT)))
		return pass(packet, PASS_MISPLACED);
	if (refuse_again(skb, packet, flow, state, &action))
		return action;
	if (!packet->host_origin)
		return ingress_original(skb, packet, flow, REASON_ORIGINAL);
	return host_packet(skb, packet, flow);
}

static __always_inline void note_as_received(struct packet *packet)
{
	packet->received = packet->to;
	packet->received_as = packet->tuple;
	packet->received_source_routed = packet->source_routed;
	packet->received_identification = packet->headers.identification;
	packet->received_expires = packet->now + REFUSED_LIFETIME;
}

/* A node that forwards nothing says so to nobody. In IPv6 routes are asked before, and those that
 * refuse do answer (ip6_pkt_drop()). */
static __always_inline int is_not_forwarded(struct __sk_buff *skb, struct packet *packet)
{
	if (settings_of(packet)->flags & SETTING_FORWARDS || packet->options_refused ||
	    !packet->received_flow || packet->received_flow == RECEIVED_AS_SENT)
		return 0;
	return packet->tuple.family == FAMILY_IPV4 ||
	       route_find(skb, packet, &packet->received.source, &packet->received.destination,
			  LOOPBACK_IFINDEX) == ROUTE_FORWARD;
}

/* For what the stack may say of it. */
static __always_inline void note_received(struct __sk_buff *skb, struct packet *packet)
{
	const struct trace_record *end = &packet->trace;
	int invalid = end->reason == PASS_INVALID || end->reason == PASS_STACK_ANSWERS ||
		      end->reason == PASS_MALFORMED;

	note_as_received(packet);
	if (end->verdict == VERDICT_PASS && !packet->received_flow && invalid)
		packet->received_flow = RECEIVED_AS_SENT;
	/* By way of lo the stack receives it as well. */
	else if (end->verdict != VERDICT_PASS &&
		 (end->redirect != REDIRECT_INGRESS || end->reason == REASON_REJECTED))
		packet->received_flow = 0;
	/* What a process may say of it goes by its tuples alone. */
	if (packet->refused_silently || is_not_forwarded(skb, packet))
		packet->received_flow = 0;
	if (is_to_be_remembered(packet))
		remember_refused();
}

/* By way of lo; else the stack has had its say. */
static __always_inline void note_looped(struct packet *packet)
{
	if (!packet->options_refused || packet->refused_silently) {
		packet->received_flow = 0;
		return;
	}
	note_as_received(packet);
}

/* A first fragment that came last, so that all is known of it at once. */
static __always_inline int first_is_broken(const struct packet *packet)
{
	return packet->whole && packet->headers.fragment == FRAGMENT_FIRST &&
	       datagram_is_broken(packet);
}

/* The stack drops it; in IPv4 behind PREROUTING, where connection tracking sees it. */
static __always_inline int martian_is_tracked(struct __sk_buff *skb, const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV4 && packet->tracked && !packet->broken &&
	       !first_is_broken(packet) && transport_checksum(skb, packet) != CHECKSUM_WRONG;
}

static __always_inline void finish(struct packet *packet)
{
	if (packet->headers.fragment == FRAGMENT_FIRST &&
	    (packet->tracked || packet->broken || packet->held) && !packet->whole &&
	    packet->trace.reason != DROP_FRAGMENT)
		fragment_decide(packet);
	trace_end(packet);
}

/* What the programs do not understand does not enter 127.0.0.0/8 either, unless the stack refuses it
 * before. */
static __always_inline int close_loopback(struct packet *packet, int action)
{
	if (packet->trace.verdict == VERDICT_PASS && packet->trace.reason < REASON_NEW_FLOW &&
	    !packet->options_refused && enters_loopback_at_input(packet))
		return drop(packet, DROP_LOCALNET);
	return action;
}

/* What is forwarded has been through that at ingress. */
static __always_inline int invalid(struct __sk_buff *skb, struct packet *packet)
{
	return packet->trace.program == PROGRAM_TC_EGRESS && !packet->host_origin
		       ? pass(packet, PASS_INVALID)
		       : invalid_packet(skb, packet);
}

/* IPv6: another fragment header follows one that cuts nothing, which netfilter takes off. */
static __always_inline int first_is_taken_off(const struct packet *packet, int parsed)
{
	const struct headers *headers = &packet->headers;

	if (!headers->nested_fragment || !headers->fragment_header ||
	    headers->fragment != FRAGMENT_NONE || headers->chain_broken ||
	    (packet->trace.program == PROGRAM_TC_EGRESS && !packet->host_origin))
		return 0;
	return parsed == PARSE_OK || headers->nested_fragment == NESTED_LATER;
}

/* Ahead of all hooks, and so each fragment by itself. */
static __always_inline int is_refused_at_once(struct __sk_buff *skb, struct packet *packet)
{
	return packet->trace.program == PROGRAM_TC_INGRESS && extension_is_refused(skb, packet);
}

static __always_inline __u8 family_of(const struct __sk_buff *skb)
{
	switch (skb->protocol) {
	case bpf_htons(ETH_P_IP):
		return FAMILY_IPV4;
	case bpf_htons(ETH_P_IPV6):
		return FAMILY_IPV6;
	default:
		return 0;
	}
}

/* One that carries a priority and no VLAN: the stack would take it off behind this hook
 * (__netif_receive_skb_core()), but not where the packet is redirected. One of a VLAN it leaves. */
static __always_inline void take_off_priority_tag(struct __sk_buff *skb)
{
	if (skb->vlan_present && !(skb->vlan_tci & VLAN_ID) && family_of(skb))
		bpf_skb_vlan_pop(skb);
}

/* A frame for many, or what the node sends to many and hears itself (dev_loopback_xmit()): INPUT has
 * its say, and nothing of it goes on. What is for another machine the stack drops anyway. */
VERIFIED_ONCE int handle_for_many(struct __sk_buff *skb)
{
	struct packet *packet = this_packet();
	struct flow *flow, *state;
	int result, begins;

	if (!packet)
		return ACTION_DROP;
	packet->tuple.family = family_of(skb);
	if (!packet->tuple.family || skb->vlan_present)
		return pass(packet, PASS_OTHER_HOST);
	result = parse_packet(skb, packet);
	packet->to = packet->tuple;
	if ((result != PARSE_OK && result != PARSE_NO_TRANSPORT) || !comes_in(packet))
		return pass(packet, PASS_OTHER_HOST);
	if (input_drops_cut_header(packet))
		return drop(packet, DROP_INVALID);
	flow = packet->tracked ? flow_find(&packet->tuple, packet, &state) : 0;
	if (!packet->tracked || (flow && state->status & FLOW_SEEN_REPLY))
		return pass(packet, PASS_OTHER_HOST);
	begins = flow_begin(skb, packet);
	/* The rules are about what is new, which nothing INVALID is. */
	if (packet->broken || transport_checksum(skb, packet) == CHECKSUM_WRONG ||
	    (!flow && !begins))
		return pass(packet, PASS_OTHER_HOST);
	packet->rules_read = 0;
	return packet_for_many(packet);
}

/* Where the first ends among its extension headers, the others have the rest of them. */
static __always_inline int is_part_of_datagram(const struct packet *packet, int parsed)
{
	const struct headers *headers = &packet->headers;

	return headers->fragment != FRAGMENT_NONE &&
	       (parsed == PARSE_OK || (parsed == PARSE_NO_TRANSPORT && headers->chain_broken));
}

static __always_inline int handle(struct __sk_buff *skb, struct packet *packet)
{
	int result;

	packet->tuple.family = family_of(skb);
	if (!packet->tuple.family)
		return pass(packet, PASS_NOT_IP);
	if (skb->vlan_present)
		return pass(packet, PASS_VLAN);
	result = parse_packet(skb, packet);
	if (is_refused_at_once(skb, packet))
		result = PARSE_MALFORMED;
	if (is_part_of_datagram(packet, result))
		result = fragment_join(skb);
	else if (packet->headers.lone_first)
		fragment_expect_none();
	packet->to = packet->tuple;
	packet->quoted_to = packet->quoted;
	if (result == PARSE_MALFORMED)
		return pass(packet, PASS_MALFORMED);
	if (first_is_taken_off(packet, result))
		return hold(packet);
	if (result == PARSE_UNKNOWN_FRAGMENT)
		return unknown_fragment(skb, packet);
	if (result == PARSE_REFUSED_FRAGMENT)
		return drop(packet, DROP_FRAGMENT);
	if (result == PARSE_INVALID_FRAGMENT)
		return invalid(skb, packet);
	if (result == PARSE_HELD_FRAGMENT)
		return hold(packet);
	if (packet->trace.program == PROGRAM_TC_INGRESS) {
		packet->options_refused = options_are_refused(skb, packet);
		packet->martian = is_martian(packet);
		if (packet->martian) {
			if (!martian_is_tracked(skb, packet))
				return unserved_martian(skb, packet);
			packet->only_tracked = 1;
		}
	}
	if (tells_too_little(packet) ||
	    (is_in_fragments(packet) && packet->options_refused && !packet->only_tracked))
		return hold(packet);
	if (result == PARSE_NO_TRANSPORT || packet->broken || first_is_broken(packet) ||
	    (packet->trace.program == PROGRAM_TC_INGRESS &&
	     transport_checksum(skb, packet) == CHECKSUM_WRONG))
		return invalid(skb, packet);
	if (packet->error == ERROR_ABOUT_NOTHING)
		return unrelated_error(packet);
	if (packet->error == ERROR_ABOUT_FLOW)
		return packet->trace.program == PROGRAM_TC_INGRESS ? related_ingress(skb, packet)
								   : related_egress(skb, packet);
	if (!packet->tracked)
		return untracked_packet(skb, packet);
	if (packet->trace.program == PROGRAM_TC_EGRESS && !packet->host_origin)
		return egress_forwarded(skb, packet);
	return follow_flow(skb, packet);
}

SEC("tc")
int tc_ingress(struct __sk_buff *skb)
{
	struct packet *packet = this_packet();
	__u32 number = 0;
	int action;

	if (!packet)
		return TC_ACT_OK;
	take_off_priority_tag(skb);
	packet_begin(packet, PROGRAM_TC_INGRESS, skb->ifindex, skb->mark);
	packet->segment_size = frame_segment_size(skb);
	if (packet->ifindex != LOOPBACK_IFINDEX)
		packet->received_flow = 0;
	if (take_note(skb, &number) == NOTE_REASSEMBLED)
		packet->largest_fragment = number;
	if (packet->ifindex == LOOPBACK_IFINDEX)
		action = pass(packet, PASS_LOOPBACK);
	else if (skb->pkt_type != PACKET_TO_HOST)
		action = handle_for_many(skb);
	else
		action = close_loopback(packet, handle(skb, packet));
	if (packet->held)
		action = hold_fragment(skb);
	if (packet->ifindex != LOOPBACK_IFINDEX)
		note_received(skb, packet);
	finish(packet);
	return action;
}

SEC("tc")
int tc_egress(struct __sk_buff *skb)
{
	struct packet *packet = this_packet();
	__u32 note, number = 0;
	int action;

	if (!packet)
		return TC_ACT_OK;
	packet_begin(packet, PROGRAM_TC_EGRESS, skb->ifindex, skb->mark);
	packet->segment_size = frame_segment_size(skb);
	packet->host_origin = skb->ingress_ifindex == 0;
	note = take_note(skb, &number);
	if (note == NOTE_REASSEMBLED) {
		packet->largest_fragment = number;
		take_note_first_piece(skb, &packet->first_piece);
	}
	if (note == NOTE_DECIDED)
		action = pass(packet, PASS_ALREADY_DECIDED);
	else
		action = handle(skb, packet);
	if (packet->held)
		action = hold_fragment(skb);
	note_looped(packet);
	finish(packet);
	return action;
}
