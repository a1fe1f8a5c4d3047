/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The outside world as the programs see it: time, chance and routes. All three come through here,
 * so that a harness can hold the first two still and reproduce them.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "packet.bpf.h"

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

/* Milliseconds since midnight, as options tell them (inet_current_timestamp()). Kernels that are
 * told how far TAI is ahead of UTC are half a minute ahead here. */
static __always_inline __u32 time_of_day(void)
{
	return bpf_ktime_get_tai_ns() / 1000000 % 86400000;
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

/* By which programs know what another has redirected to them: drawn when they are loaded. */
volatile __u32 decided_key[2] __weak = {};

/* Of choices that several programs make for one packet. */
volatile __u64 choice_key __weak = 0;

/* Uniform in 0 … bound - 1, but for a bias below bound / 2^32, and nobody's to foresee; the same
 * wherever the packet is seen within a second. A program may so leave a packet to another because
 * of what it chose, and the choices of both together are as even as one. */
static __always_inline __u32 choice_below(const struct packet *packet, __u32 bound)
{
	const __u32 *words = (const __u32 *)&packet->tuple;
	__u64 hash = choice_key ^ packet->now >> 30;

	if (packet->tuple.protocol == IPPROTO_TCP)
		hash ^= (__u64)packet->tcp.sequence << 32;
	for (__u32 i = 0; i < sizeof(packet->tuple) / sizeof(*words); i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 32;
	}
	hash *= 0xd6e8feb86659fd93ull;
	return (hash >> 32) * bound >> 32;
}

static __always_inline long fib_lookup(frame_t *frame, struct bpf_fib_lookup *lookup, __u32 flags)
{
	return bpf_fib_lookup(frame, lookup, sizeof(*lookup), flags);
}
