/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One processor at a time changes what a flow knows, as under ct->lock (nf_conntrack_proto_tcp.c,
 * nf_conntrack_proto_sctp.c). The kernel's own lock for maps, bpf_spin_lock(), allows no call while
 * it is held, and tracking is made of calls; so these are words that whoever turns them from 0 to 1
 * holds. The programs run where nothing else of their processor can run them again, so that the
 * holder always gets on.
 *
 * Flows share locks, by their id: they need no room in a flow, and survive it.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "verified_once.bpf.h"

#define FLOW_LOCKS 1024 /* a power of two */
#define FLOW_NOT_LOCKED FLOW_LOCKS

/* How often one looks whether it is free: milliseconds, where tracking takes less than one
 * microsecond. Then its holder is on a virtual processor that does not run; the packet goes on
 * without a lock rather than wait for that. */
#define FLOW_LOCK_PATIENCE (1 << 20)

/* Each in a cache line of its own. Exchanging less than 64 bits takes version 3 of the instruction
 * set. */
volatile __u64 flow_locks[FLOW_LOCKS][8] __weak __attribute__((aligned(64)));

static __always_inline volatile __u64 *flow_lock_word(__u32 number)
{
	return &flow_locks[number % FLOW_LOCKS][0];
}

static __always_inline int flow_lock_take(__u32 number)
{
	volatile __u64 *lock = flow_lock_word(number);

	return !*lock && !__sync_lock_test_and_set(lock, 1);
}

static long flow_lock_take_again(__u32 index __attribute__((unused)), void *data)
{
	return flow_lock_take(*(__u32 *)data);
}

/* What flow_unlock() is to be given. */
VERIFIED_ONCE __u32 flow_lock(__u64 flow_id)
{
	__u32 number = flow_id % FLOW_LOCKS;

	if (flow_lock_take(number) ||
	    bpf_loop(FLOW_LOCK_PATIENCE, flow_lock_take_again, &number, 0) < FLOW_LOCK_PATIENCE)
		return number;
	return FLOW_NOT_LOCKED;
}

static __always_inline void flow_unlock(__u32 number)
{
	if (number < FLOW_LOCKS)
		__sync_lock_test_and_set(flow_lock_word(number), 0);
}
