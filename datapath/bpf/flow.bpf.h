/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of flows: how they are entered, found and removed. Entries leave the map when their
 * time is over: on the way past, or by control's collection. They are never evicted, since half a
 * flow would be worse than none.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "tuple.bpf.h"

static __always_inline void flow_original_key(struct tuple *key, const struct flow *flow,
					      const struct tuple *like)
{
	tuple_between(key, &flow->client, &flow->frontend, like);
}

static __always_inline void flow_reply_key(struct tuple *key, const struct flow *flow,
					   const struct tuple *like)
{
	tuple_between(key, &flow->backend, &flow->source, like);
}

/* Between the hooks a packet has its own source address and the final port. */
static __always_inline void flow_inside_key(struct tuple *key, const struct flow *flow,
					    const struct tuple *like)
{
	tuple_between(key, &flow->client, &flow->backend, like);
	key->source_port = flow->source.port;
	key->space = TUPLE_SPACE_INSIDE;
}

static __always_inline void flow_remove_key(const struct tuple *key, __u64 id)
{
	const struct flow *entry = bpf_map_lookup_elem(&flows, key);

	if (entry && entry->id == id)
		bpf_map_delete_elem(&flows, key);
}

/* All entries, the one with the state last. `flow` may be one of them. */
static __noinline void flow_remove(const struct flow *flow, struct packet *packet,
				   const struct tuple *like)
{
	struct flow *leaving = &packet->leaving;
	struct tuple *key = &packet->key;
	struct tuple reversed;

	__builtin_memcpy(leaving, flow, sizeof(*leaving));
	flow_reply_key(key, leaving, like);
	flow_remove_key(key, leaving->id);
	if (leaving->flags & FLOW_SOURCE_ADDRESS_CHANGES) {
		flow_inside_key(key, leaving, like);
		flow_remove_key(key, leaving->id);
		tuple_reverse(&reversed, key);
		flow_remove_key(&reversed, leaving->id);
	}
	flow_original_key(key, leaving, like);
	flow_remove_key(key, leaving->id);
}

/* The live flow that owns a tuple, and in `state` the entry that keeps its state. Removes a flow
 * that is over, or that lost its state; one that another processor is just entering has none. */
static __always_inline struct flow *flow_find(const struct tuple *tuple, struct packet *packet,
					      struct flow **state)
{
	struct flow *entry = bpf_map_lookup_elem(&flows, tuple);
	struct flow *original = entry;

	if (!entry)
		return 0;
	if (entry->role != FLOW_ORIGINAL) {
		flow_original_key(&packet->key, entry, tuple);
		original = bpf_map_lookup_elem(&flows, &packet->key);
		if (!original && packet->now < entry->created + SECOND)
			return 0;
	}
	if (original && original->id == entry->id && packet->now < original->expires) {
		*state = original;
		return entry;
	}
	flow_remove(entry, packet, tuple);
	return 0;
}
