/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The outside world as the programs see it: time, chance and routes. All three come through here,
 * so that a harness can hold the first two still and reproduce them.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"

#define SECOND 1000000000ull

/* now = ktime × rate + offset */
volatile __u64 clock_rate __weak = 1;
volatile __u64 clock_offset __weak = 0;

/* State of a generator (splitmix64); 0 takes the kernel's. */
volatile __u64 random_state __weak = 0;

static __always_inline __u64 clock_now(void)
{
	__u64 rate = clock_rate;

	return (rate ? bpf_ktime_get_ns() * rate : 0) + clock_offset;
}

static __always_inline __u32 random_number(void)
{
	__u64 state = random_state;

	if (!state)
		return bpf_get_prandom_u32();
	state += 0x9e3779b97f4a7c15ull;
	random_state = state;
	state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9ull;
	state = (state ^ (state >> 27)) * 0x94d049bb133111ebull;
	return (state ^ (state >> 31)) >> 32;
}

/* Uniform in 0 … bound - 1, but for a bias below bound / 2^32. */
static __always_inline __u32 random_below(__u32 bound)
{
	return ((__u64)random_number() * bound) >> 32;
}

static __always_inline long fib_lookup(frame_t *frame, struct bpf_fib_lookup *lookup)
{
	return bpf_fib_lookup(frame, lookup, sizeof(*lookup), 0);
}
