/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One endpoint of a set: uniformly, or with session affinity the one that the client was led to
 * before. Affinity follows xt_recent as kube-proxy uses it: a list of clients for each endpoint,
 * tried in the order of the endpoints; a choice made anew is noted, one found is renewed, and one that
 * was looked at and had lapsed is forgotten (--reap), though rules may look back further one day.
 * Leaves out: the length of such a list (100 clients); that only the client which came there least
 * recently is forgotten, also when others look; and of the endpoints that a client was led to, one
 * after the other, all but the latest (AFFINITY_CHOICES).
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "flow.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "service.bpf.h"
#include "verified_once.bpf.h"

static __always_inline struct backend *backend_at(__u32 set, __u32 index)
{
	struct backend_key key = {.set = set, .index = index};

	return bpf_map_lookup_elem(&backends, &key);
}

static __always_inline int has_lapsed(const struct affinity_choice *former,
				      const struct packet *packet)
{
	return former->time + packet->choice.affinity_timeout * 1000000000ull < packet->now;
}

/* Those of the set at places before `end`. */
static __always_inline void note_lapsed(const struct affinity *affinity, struct packet *packet,
					__u32 end)
{
	for (int i = 0; i < AFFINITY_CHOICES; i++) {
		const struct affinity_choice *former = &affinity->choices[i];
		struct member_key key = {.set = packet->choice.set,
					 .backend_id = former->backend_id};
		const __u32 *index;

		if (!former->backend_id || !has_lapsed(former, packet))
			continue;
		index = bpf_map_lookup_elem(&members, &key);
		if (index && *index < end)
			packet->affinity_lapsed |= 1 << i;
	}
}

/* The first backend of the set, in its order, that the client was led to within the timeout; the
 * rules for those behind it are not asked. */
static __always_inline struct backend *
affinity_find(const struct affinity *affinity, struct packet *packet, const struct choice *choice)
{
	__u32 best = choice->count;

	for (int i = 0; i < AFFINITY_CHOICES; i++) {
		const struct affinity_choice *former = &affinity->choices[i];
		struct member_key key = {.set = choice->set, .backend_id = former->backend_id};
		const __u32 *index;

		if (!former->backend_id || has_lapsed(former, packet))
			continue;
		index = bpf_map_lookup_elem(&members, &key);
		if (index && *index < best)
			best = *index;
	}
	note_lapsed(affinity, packet, best);
	packet->choice.index = best;
	return best < choice->count ? backend_at(choice->set, best) : 0;
}

/* The one to which the first fragment of a datagram has gone that is not whole yet, and of which
 * netfilter has seen nothing: any choice will do here, and by this one the datagram gets there. */
VERIFIED_ONCE int choose_as_unfinished(void)
{
	struct packet *packet = this_packet();
	const struct flow *flow, *state;
	const struct backend *backend;

	if (!packet)
		return 0;
	flow = flow_unfinished(packet, &state);
	if (!flow)
		return 0;
	packet->choice.index = state->backend_index;
	if (packet->choice.index >= packet->choice.count)
		return 0;
	backend = backend_at(packet->choice.set, packet->choice.index);
	return backend && backend->port == flow->backend.port &&
	       address_equal(&backend->address, &flow->backend.address);
}

/* What select_backend() found lapsed, unless another processor has renewed it. */
static __always_inline void affinity_forget(struct affinity *affinity, const struct packet *packet)
{
	for (int i = 0; i < AFFINITY_CHOICES; i++) {
		if (packet->affinity_lapsed & 1 << i && has_lapsed(&affinity->choices[i], packet))
			affinity->choices[i].backend_id = 0;
	}
}

/* Takes the place of the same backend, of a free one, or of the oldest. */
static __always_inline void affinity_note(struct affinity *affinity, __u32 backend_id, __u64 now)
{
	__u64 oldest = ~0ull;
	int place = 0;

	for (int i = 0; i < AFFINITY_CHOICES; i++) {
		const struct affinity_choice *former = &affinity->choices[i];
		__u64 age = former->backend_id ? former->time + 1 : 0;

		if (former->backend_id == backend_id) {
			place = i;
			break;
		}
		if (age < oldest) {
			oldest = age;
			place = i;
		}
	}
	affinity->choices[place & (AFFINITY_CHOICES - 1)].backend_id = backend_id;
	affinity->choices[place & (AFFINITY_CHOICES - 1)].time = now;
}

static __always_inline void affinity_key_of(struct affinity_key *key, const struct packet *packet,
					    const struct choice *choice)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->client = packet->tuple.source;
	key->service_id = choice->service_id;
	key->family = packet->tuple.family;
}

/* Changes nothing but the packet. */
static __noinline struct backend *select_backend(struct packet *packet)
{
	const struct choice *choice = &packet->choice;
	const struct affinity *affinity;
	struct affinity_key key;
	struct backend *backend;

	packet->affinity_lapsed = 0;
	if (choice->flags & FRONTEND_AFFINITY) {
		affinity_key_of(&key, packet, choice);
		affinity = bpf_map_lookup_elem(&affinities, &key);
		backend = affinity ? affinity_find(affinity, packet, choice) : 0;
		if (backend) {
			packet->trace.flags |= TRACE_AFFINITY;
			return backend;
		}
	}
	if (!choose_as_unfinished())
		packet->choice.index = choice_below(packet, choice->count);
	return backend_at(choice->set, packet->choice.index);
}

/* The client is led to the backend that select_backend() said. */
static __noinline void affinity_keep(const struct packet *packet, __u32 backend_id)
{
	const struct choice *choice = &packet->choice;
	struct affinity_key key;
	struct affinity *affinity;
	struct affinity fresh = {};

	if (!(choice->flags & FRONTEND_AFFINITY))
		return;
	affinity_key_of(&key, packet, choice);
	affinity = bpf_map_lookup_elem(&affinities, &key);
	if (affinity) {
		affinity_forget(affinity, packet);
		affinity_note(affinity, backend_id, packet->now);
		return;
	}
	affinity_note(&fresh, backend_id, packet->now);
	bpf_map_update_elem(&affinities, &key, &fresh, BPF_ANY);
}
