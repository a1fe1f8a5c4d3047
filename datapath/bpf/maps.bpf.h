/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every map of the datapath. Control sets the sizes before it loads the object; what stands here
 * only has to be valid. Maps that grow with use are not preallocated. Every .bpf.c has these
 * definitions; they are weak, so that linking makes one of them.
 *
 * What is removed from a hash map the kernel writes over with the next entry at once, while programs
 * may look at it. Of what control writes, packets can come upon that in `frontends` alone
 * (frontend_read()): all else it changes only where no packet is on its way to it. Of what programs
 * write, in `flows` (flow_meet()) and `partners` (flow_make_anew()). From the maps that give way to
 * new entries (LRU), one that is being looked at goes last; affinities name endpoints by identifiers
 * that are no other service's.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "config_abi.h"
#include "flow_abi.h"
#include "packet.bpf.h"
#include "service_abi.h"
#include "trace_abi.h"

/* Written by control. */

/* In .bss, which userspace maps. */

/* Which state of the maps packets go by: in the lower half the generation of the node's entries, in the
 * upper the number of the services' state. So one write changes whatever changes at once. */
volatile __u64 present_state __weak;
struct settings node_settings[GENERATIONS] __weak;

static __always_inline const struct settings *settings_of(const struct packet *packet)
{
	return &node_settings[packet->generation % GENERATIONS];
}

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct interface_key);
	__type(value, struct interface_settings);
} interfaces __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct local_address_key);
	__type(value, struct local_address);
} local_addresses __weak SEC(".maps");

/* Asked where SETTING_LOCAL_PREFIXES is set. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct local_address_key);
	__type(value, struct local_address);
} local_prefixes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct frontend_key);
	__type(value, struct frontend_versions);
} frontends __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct backend_key);
	__type(value, struct backend);
} backends __weak SEC(".maps");

/* Where a backend stands in a set, for services with session affinity. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct member_key);
	__type(value, __u32);
} members __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct source_range_key);
	__type(value, __u32);
} source_ranges __weak SEC(".maps");

/* Written by the programs. */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tuple);
	__type(value, struct flow);
} flows __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tuple);
	__type(value, struct partner);
} partners __weak SEC(".maps");

/* Flows that began of late, by the tuple of their first packet: among them are those that may go
 * when there is no room. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct tuple);
} recent_flows __weak SEC(".maps");

/* How many places it has. */
volatile __u32 recent_flows_size __weak = 1024;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct affinity_key);
	__type(value, struct affinity);
} affinities __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct fragment_key);
	__type(value, struct fragmented);
} fragments __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 128);
	__type(key, struct fragment_key);
	__type(value, struct held);
} held_datagrams __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct refused_key);
	__type(value, struct refused);
} refused_packets __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 262144);
} trace_records __weak SEC(".maps");

/* What one run of a program works on: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} packets __weak SEC(".maps");

static __always_inline struct packet *this_packet(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&packets, &zero);
}

/* What an entry of `held_datagrams` begins as. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct held);
} held_beginnings __weak SEC(".maps");

#define SUM_CHUNK 512 /* the most that bpf_csum_diff() takes on older kernels */

/* Bytes of the packet, on their way into a sum; more than one chunk for what pads the last. */
struct sum_buffer {
	__be32 words[SUM_CHUNK / 4 + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sum_buffer);
} sum_buffers __weak SEC(".maps");
