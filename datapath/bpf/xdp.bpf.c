// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The program at XDP of uplinks: what the programs at tc and the stack between them would do with a
 * packet on its way from outside to an endpoint elsewhere, or from there back, in one step and
 * without a socket buffer. It finishes a packet or leaves it alone: where anything may be for others
 * to do (the stack's refusals, fragments, options, ICMP, endpoints and clients on this node, a next
 * hop not known yet) the packet goes on to tc as it came, and has begun no flow, moved none on and
 * led no client anywhere. What looking for its flow may have done by then, tc, where nothing is
 * decided before that either, would do in its place: lost entries are restored, a flow that is over
 * goes, and so does a closed connection whose client opens it anew (TRACK_NEW).
 *
 * Leaves out: ICMP redirects, which the stack would send to a client on the link of the endpoint.
 */
#define FRAME_XDP

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "begin.bpf.h"
#include "flow.bpf.h"
#include "flow_lock.bpf.h"
#include "maps.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "parse.bpf.h"
#include "route.bpf.h"
#include "served.bpf.h"
#include "service.bpf.h"
#include "special.bpf.h"
#include "track.bpf.h"
#include "translate.bpf.h"
#include "transmit.bpf.h"
#include "verify.bpf.h"

#define FRAME_MIN 60 /* shorter packets are padded (IEEE 802.3) */

char _license[] SEC("license") = "Dual BSD/GPL";

/* The frame's own header; the reason for which it is left where that is not an IP packet for this
 * node. */
static __always_inline __u8 look_at_link(frame_t *frame, struct packet *packet)
{
	const struct interface_settings *interface = interface_find(packet, packet->ifindex);
	struct ethhdr link;

	if (!interface || !(interface->flags & INTERFACE_XDP))
		return LEFT_OTHER_LINK;
	if (frame_load(frame, 0, &link, sizeof(link)))
		return PASS_NOT_IP;
	for (int i = 0; i < ETH_ALEN; i++) {
		if (link.h_dest[i] != interface->link_address[i])
			return PASS_OTHER_HOST;
	}
	if (link.h_proto == bpf_htons(ETH_P_IP))
		packet->tuple.family = FAMILY_IPV4;
	else if (link.h_proto == bpf_htons(ETH_P_IPV6))
		packet->tuple.family = FAMILY_IPV6;
	else if (link.h_proto == bpf_htons(ETH_P_8021Q) || link.h_proto == bpf_htons(ETH_P_8021AD))
		return PASS_VLAN;
	else
		return PASS_NOT_IP;
	return REASON_NONE;
}

/* What ip6_rcv_core() and ip6_forward() refuse, or answer, for its source. */
static __always_inline int source_is_not_forwarded(const struct packet *packet)
{
	const struct address *source = &packet->tuple.source;

	if (packet->tuple.family == FAMILY_IPV4)
		return 0;
	return address_is_link_local(source) || address_is_zero(source) ||
	       (!source->words[0] && !source->words[1] && source->words[2] == bpf_htonl(0xffff));
}

/* A whole packet of a protocol that services have, with nothing about it that the stack would have
 * to look at; else the reason to leave it. */
static __always_inline __u8 look_at_packet(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	int ipv4 = packet->tuple.family == FAMILY_IPV4;

	switch (parse_packet(frame, packet)) {
	case PARSE_OK:
		break;
	case PARSE_MALFORMED:
		return PASS_MALFORMED;
	case PARSE_NO_TRANSPORT:
		return LEFT_OPTIONS;
	default:
		return LEFT_FRAGMENT;
	}
	if (headers->fragment != FRAGMENT_NONE)
		return LEFT_FRAGMENT;
	if (headers->transport - headers->network !=
	    (ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		return LEFT_OPTIONS;
	if (frame_length(frame) > headers->end && frame_length(frame) > FRAME_MIN)
		return LEFT_TRAILER;
	if (!has_port_numbers(&packet->tuple))
		return LEFT_PROTOCOL;
	if (!packet->tracked || packet->broken)
		return LEFT_INVALID;
	if (is_martian(packet) || source_is_not_forwarded(packet))
		return PASS_MARTIAN;
	return REASON_NONE;
}

/* Tracks a packet that connection tracking may call INVALID; such a one changes nothing. */
static __always_inline int track_on_trial(frame_t *frame, struct packet *packet,
					  const struct flow *flow, struct flow *state, int reply)
{
	int result;

	if (packet->tuple.protocol == IPPROTO_UDP)
		return flow_track(frame, packet, state, reply);
	/* Found out only while the state changes: done on a copy. */
	packet->leaving = *state;
	result = flow_track(frame, packet, &packet->leaving, reply);
	if (result != TRACK_OK || state->id != flow->id)
		return result;
	state->expires = packet->leaving.expires;
	state->status = packet->leaving.status;
	__builtin_memcpy(&state->tcp_state, &packet->leaving.tcp_state,
			 sizeof(*state) - __builtin_offsetof(struct flow, tcp_state));
	return result;
}

/* What is removed meanwhile nobody tracks any more, least of all in another's place (flow_meet()). */
static __always_inline int track(frame_t *frame, struct packet *packet, const struct flow *flow,
				 struct flow *state, int reply)
{
	__u32 lock = flow_lock(flow->id);
	int result = TRACK_OK;

	if (state->id == flow->id)
		result = track_on_trial(frame, packet, flow, state, reply);
	flow_unlock(lock);
	return result;
}

static __noinline int start(frame_t *frame, struct packet *packet)
{
	struct flow *flow = &packet->flow;
	const struct flow *entered;
	const struct backend *backend;
	int masquerade, result;
	__u8 obstacle;

	if (destination_is_special(packet))
		return pass(packet, PASS_SPECIAL_DESTINATION);
	/* IPv6; answers to it stay here. */
	if (address_is_local(packet, &packet->tuple.source))
		return pass(packet, LEFT_LOCAL);
	if (!service_choose(packet))
		return pass(packet, LEFT_UNSERVED);
	if (!flow_begin(frame, packet))
		return pass(packet, LEFT_INVALID);
	backend = select_backend(packet);
	if (!backend)
		return pass(packet, LEFT_UNSERVED);
	masquerade = lead_to(packet, backend);
	route_find(frame, packet, &packet->tuple.source, &flow->backend.address, packet->ifindex);
	obstacle = obstacle_on_route(packet);
	if (obstacle)
		return pass(packet, obstacle);
	if (filter_refusal(packet, &flow->backend, HOOK_FORWARD, masquerade))
		return pass(packet, LEFT_REFUSED);
	if (masquerade && !choose_source(packet))
		return pass(packet, LEFT_REFUSED);
	if (transport_checksum(frame, packet) != CHECKSUM_RIGHT)
		return pass(packet, LEFT_CHECKSUM);

	affinity_keep(packet, backend->id);
	result = flow_enter(packet, masquerade);
	if (result == CREATE_NO_PORT)
		return drop(packet, DROP_NO_PORT);
	entered = result == CREATE_TABLE_FULL ? 0 : flow_entered(packet, result);
	if (!entered)
		return drop(packet, DROP_TABLE_FULL);
	trace_flow(packet, entered);
	tuple_between(&packet->to, &entered->source, &entered->backend, &packet->tuple);
	return transmit(frame, packet, REASON_NEW_FLOW);
}

/* Of a flow whose ends are both elsewhere. */
static __always_inline int follow_flow(frame_t *frame, struct packet *packet, struct flow *flow,
				       struct flow *state)
{
	int reply = flow->role == FLOW_REPLY, tracked;
	__u8 obstacle;

	if (!flow->service_id)
		return pass(packet, LEFT_UNSERVED);
	if (flow->flags & (FLOW_HOST_CLIENT | FLOW_HOST_BACKEND))
		return pass(packet, LEFT_LOCAL);
	route_find(frame, packet, &packet->tuple.source,
		   reply ? &flow->client.address : &flow->backend.address, packet->ifindex);
	obstacle = obstacle_on_route(packet);
	if (obstacle)
		return pass(packet, obstacle);
	packet->rules_read = 0;
	if (!reply && !(state->status & FLOW_SEEN_REPLY) &&
	    filter_refusal(packet, &flow->backend, HOOK_FORWARD, 0))
		return pass(packet, LEFT_REFUSED);
	if (transport_checksum(frame, packet) != CHECKSUM_RIGHT)
		return pass(packet, LEFT_CHECKSUM);
	tracked = track(frame, packet, flow, state, reply);
	if (tracked == TRACK_NEW) {
		flow_remove(flow, &packet->tuple);
		return start(frame, packet);
	}
	if (tracked == TRACK_INVALID)
		return pass(packet, LEFT_INVALID);
	trace_flow(packet, flow);
	if (reply)
		tuple_between(&packet->to, &flow->frontend, &flow->client, &packet->tuple);
	else
		tuple_between(&packet->to, &flow->source, &flow->backend, &packet->tuple);
	return transmit(frame, packet, reply ? REASON_REPLY : REASON_ORIGINAL);
}

static __always_inline int handle(frame_t *frame, struct packet *packet)
{
	struct flow *flow, *state;
	__u8 reason = look_at_link(frame, packet);

	if (!reason)
		reason = look_at_packet(frame, packet);
	packet->to = packet->tuple;
	if (reason)
		return pass(packet, reason);
	flow = flow_find(&packet->tuple, packet, &state);
	return flow ? follow_flow(frame, packet, flow, state) : start(frame, packet);
}

SEC("xdp")
int xdp_uplink(struct xdp_md *frame)
{
	struct packet *packet = this_packet();
	int action;

	if (!packet)
		return XDP_PASS;
	packet_begin(packet, PROGRAM_XDP, frame->ingress_ifindex, 0);
	action = handle(frame, packet);
	trace_end(packet);
	return action;
}
