/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Enters a flow into the map, with a source port that makes its tuples unique: the client's own
 * where that may stay and is free, else one drawn as nf_nat_l4proto_unique_tuple() does
 * (net/netfilter/nf_nat_core.c): from a range that the original port decides, at a random place
 * and upwards from there, a few times. Where the table is full, flows that are not assured make
 * room, as in netfilter's early_drop() (net/netfilter/nf_conntrack_core.c).
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flow.bpf.h"
#include "icmp.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"

#define ERROR_EXISTS 17

/* NF_CT_EVICTION_RANGE */
#define EVICTION_TRIES 8
/* A masqueraded flow has twice as many entries as another. */
#define EVICTIONS 2

/* Successive tries after each random start: 128, then half as many each time, down to 8. */
#define PORT_TRIES 248

enum claim {
	CLAIM_TAKEN = 0,
	CLAIM_OURS,
	CLAIM_NO_ROOM,
};

enum create_result {
	CREATE_OK = 0,
	CREATE_NO_PORT,
	CREATE_TABLE_FULL,
	CREATE_RACE, /* another processor was first with this very flow */
};

struct eviction {
	__u64 now;
	__u32 done;
};

/* nf_ct_is_confirmed() and not IPS_ASSURED, or closing (nf_conntrack_tcp_can_early_drop()). */
static __always_inline int may_be_evicted(const struct flow *flow, __u8 protocol, __u64 now)
{
	if (flow->role != FLOW_ORIGINAL)
		return 0;
	if (now >= flow->expires)
		return 1;
	if (protocol == IPPROTO_SCTP)
		return flow->sctp_state != SCTP_ESTABLISHED;
	if (protocol == IPPROTO_TCP && flow->tcp_state >= TCP_STATE_FIN_WAIT &&
	    flow->tcp_state <= TCP_STATE_CLOSED)
		return 1;
	return !(flow->status & (FLOW_ASSURED | FLOW_STREAM));
}

static long evict_one(__u32 try __attribute__((unused)), void *data)
{
	struct eviction *eviction = data;
	__u32 place = ((__u64)random_number() * recent_flows_size) >> 32;
	const struct tuple *recent = bpf_map_lookup_elem(&recent_flows, &place);
	struct packet *packet = this_packet();
	struct flow *flow, *state;
	struct tuple key;

	if (!recent || !packet)
		return 1;
	key = *recent;
	flow = flow_meet(&key, packet, &state, 0);
	if (!flow || !may_be_evicted(state, key.protocol, eviction->now))
		return 0;
	flow_remove(flow, &key);
	return ++eviction->done == EVICTIONS;
}

VERIFIED_ONCE int make_room_for_flow(__u64 now)
{
	struct eviction eviction = {.now = now};

	bpf_loop(EVICTION_TRIES, evict_one, &eviction, 0);
	return eviction.done;
}

static __always_inline void remember_recent(const struct packet *packet, const struct tuple *key)
{
	/* Identifiers of flows are drawn at random. */
	__u32 place = ((__u32)packet->flow.id * (__u64)recent_flows_size) >> 32;

	bpf_map_update_elem(&recent_flows, &place, key, BPF_ANY);
}

/* Of the flow just entered, whose entries are all there. */
VERIFIED_ONCE int enter_partners(void)
{
	struct packet *packet = this_packet();
	struct partner partner = {};
	const struct flow *flow;
	struct tuple *key;

	if (!packet)
		return 0;
	flow = &packet->flow;
	key = &packet->key;
	partner.id = flow->id;
	flow_original_key(&partner.other, flow, &packet->tuple);
	flow_reply_key(key, flow, &packet->tuple);
	partner.role = FLOW_REPLY;
	bpf_map_update_elem(&partners, key, &partner, BPF_ANY);
	if (flow->flags & FLOW_SOURCE_CHANGES) {
		flow_inside_key(key, flow, &packet->tuple);
		partner.role = FLOW_INSIDE_ORIGINAL;
		bpf_map_update_elem(&partners, key, &partner, BPF_ANY);
		tuple_turn(key);
		partner.role = FLOW_INSIDE_REPLY;
		bpf_map_update_elem(&partners, key, &partner, BPF_ANY);
	}
	*key = partner.other;
	flow_reply_key(&partner.other, flow, &packet->tuple);
	partner.role = FLOW_ORIGINAL;
	bpf_map_update_elem(&partners, key, &partner, BPF_ANY);
	remember_recent(packet, key);
	return 1;
}

/* Connection tracking knows of no unfinished flow: such a one gives way, unless there is a choice. */
static __always_inline int key_is_free(const struct tuple *key, struct packet *packet)
{
	struct flow *state, *owner = flow_owner(key, packet, &state);

	if (!owner)
		return 1;
	if (!(state->status & FLOW_UNFINISHED) || packet->draws_port)
		return 0;
	flow_remove(owner, key);
	return 1;
}

/* Puts `packet->flow` under `packet->key`, which a dead flow may still hold, and one that lost its
 * entry still owns. */
VERIFIED_ONCE int claim_key(__u8 role)
{
	struct packet *packet = this_packet();
	struct tuple key;
	int error; /* before Linux 6.4 only this half of it is set (struct bpf_map_ops) */

	if (!packet)
		return CLAIM_NO_ROOM;
	key = packet->key;
	packet->flow.role = role;
	if (role == FLOW_REPLY && bpf_map_lookup_elem(&partners, &key) &&
	    !key_is_free(&key, packet))
		return CLAIM_TAKEN;
	error = bpf_map_update_elem(&flows, &key, &packet->flow, BPF_NOEXIST);
	if (error == -ERROR_EXISTS && key_is_free(&key, packet))
		error = bpf_map_update_elem(&flows, &key, &packet->flow, BPF_NOEXIST);
	if (!error)
		return CLAIM_OURS;
	return error == -ERROR_EXISTS ? CLAIM_TAKEN : CLAIM_NO_ROOM;
}

/* The tuples that the flow's source address and port give: all of them, or none. */
VERIFIED_ONCE int claim_source(struct packet *packet)
{
	int claim;

	if (!packet)
		return CLAIM_NO_ROOM;
	flow_reply_key(&packet->key, &packet->flow, &packet->tuple);
	claim = claim_key(FLOW_REPLY);
	if (claim != CLAIM_OURS || !(packet->flow.flags & FLOW_SOURCE_CHANGES))
		return claim;

	flow_inside_key(&packet->key, &packet->flow, &packet->tuple);
	claim = claim_key(FLOW_INSIDE_ORIGINAL);
	if (claim == CLAIM_OURS) {
		flow_inside_key(&packet->key, &packet->flow, &packet->tuple);
		tuple_turn(&packet->key);
		claim = claim_key(FLOW_INSIDE_REPLY);
	}
	if (claim != CLAIM_OURS)
		flow_remove(&packet->flow, &packet->tuple);
	return claim;
}

struct port_search {
	struct packet *packet;
	__u32 first;
	__u32 size;
	__u16 offset;
	__u8 claim;
};

static long port_try(__u32 try, void *data)
{
	struct port_search *search = data;

	if (try == 0 || try == 128 || try == 192 || try == 224 || try == 240)
		search->offset = random_number();
	search->packet->flow.source.port =
		bpf_htons(search->first + search->offset++ % search->size);
	search->claim = claim_source(search->packet);
	return search->claim != CLAIM_TAKEN;
}

static __always_inline int port_draw(struct packet *packet)
{
	__u16 port = bpf_ntohs(packet->flow.client.port);
	struct port_search search = {.packet = packet, .claim = CLAIM_TAKEN};

	if (is_icmp(&packet->tuple)) {
		search.first = 0;
		search.size = 65536;
	} else if (port < 512) {
		search.first = 1;
		search.size = 511;
	} else if (port < 1024) {
		search.first = 600;
		search.size = 424;
	} else {
		search.first = 1024;
		search.size = 65536 - 1024;
	}
	packet->trace.flags |= TRACE_PORT_REDRAWN;
	packet->draws_port = 1;
	bpf_loop(PORT_TRIES, port_try, &search, 0);
	packet->draws_port = 0;
	return search.claim;
}

/* Of a packet to itself, without ports or from one to the same, both tuples are one. */
static __always_inline int is_own_reply(const struct tuple *key, const struct flow *flow)
{
	const struct flow *holder = bpf_map_lookup_elem(&flows, key);

	return holder && holder->id == flow->id;
}

static __always_inline int leads_alike(const struct flow *one, const struct flow *other)
{
	return one->service_id == other->service_id &&
	       (one->flags | FLOW_SOURCE_CHANGES) == (other->flags | FLOW_SOURCE_CHANGES) &&
	       one->backend.port == other->backend.port &&
	       address_equal(&one->backend.address, &other->backend.address) &&
	       address_equal(&one->source.address, &other->source.address);
}

/* `packet->flow` begins an unfinished one in the place of the datagram that is not whole yet, which
 * then is a later packet of it. 0 where there is none, or it leads elsewhere, and gives way. */
VERIFIED_ONCE int begin_unfinished(void)
{
	struct packet *packet = this_packet();
	const struct flow *unfinished, *state;
	struct flow *flow;

	if (!packet)
		return 0;
	flow = &packet->flow;
	unfinished = flow_unfinished(packet, &state);
	if (!unfinished)
		return 0;
	if (!leads_alike(unfinished, flow)) {
		flow_remove(unfinished, &packet->tuple);
		return 0;
	}
	flow->id = unfinished->id;
	flow->source.port = unfinished->source.port;
	flow->flags = unfinished->flags;
	flow->role = FLOW_ORIGINAL;
	return !bpf_map_update_elem(&flows, &packet->key, flow, BPF_EXIST);
}

/* `packet->flow` says who talks to whom; `redraw`: the port is not to stay (--random-fully). */
VERIFIED_ONCE int flow_create(int redraw)
{
	struct packet *packet = this_packet();
	struct flow *flow;
	int claim = CLAIM_TAKEN;

	if (!packet)
		return CREATE_TABLE_FULL;
	flow = &packet->flow;
	if (begin_unfinished())
		return CREATE_OK;
	flow->id = (__u64)random_number() << 32 | random_number();
	flow->source.port = flow->client.port;
	if (!redraw || packet->portless)
		claim = claim_source(packet);
	if (claim == CLAIM_TAKEN && !packet->portless) {
		if (!(flow->flags & (FLOW_HOST_CLIENT | FLOW_HOST_BACKEND)))
			flow->flags |= FLOW_SOURCE_CHANGES;
		claim = port_draw(packet);
	}
	if (claim != CLAIM_OURS)
		return claim == CLAIM_TAKEN ? CREATE_NO_PORT : CREATE_TABLE_FULL;

	flow_original_key(&packet->key, flow, &packet->tuple);
	claim = claim_key(FLOW_ORIGINAL);
	if (claim == CLAIM_OURS || is_own_reply(&packet->key, flow)) {
		if (!(flow->flags & FLOW_DOOMED))
			enter_partners();
		return CREATE_OK;
	}
	flow_remove(flow, &packet->tuple);
	return claim == CLAIM_TAKEN ? CREATE_RACE : CREATE_TABLE_FULL;
}

/* The same, where need be in the place of another. */
static __always_inline int flow_enter(struct packet *packet, int redraw)
{
	int result = flow_create(redraw);

	if (result == CREATE_TABLE_FULL && make_room_for_flow(packet->now))
		result = flow_create(redraw);
	return result;
}
