/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames at tc hooks: socket buffers. Their checksums are changed by the kernel's helpers alone,
 * which know buffers whose checksum is still to be computed or was computed by the device.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_helpers.h>

#define ACTION_PASS TC_ACT_OK
#define ACTION_DROP TC_ACT_SHOT
#define ACTION_REDIRECT TC_ACT_REDIRECT

#define ERROR_INVALID 22

#define BY_FRAME(name) tc_##name

typedef struct __sk_buff frame_t;

static __always_inline __u32 frame_length(const frame_t *frame)
{
	return frame->len;
}

static __always_inline long frame_load(frame_t *frame, __u32 at, void *to, __u32 size)
{
	return bpf_skb_load_bytes(frame, at, to, size);
}

static __always_inline long frame_store(frame_t *frame, __u32 at, const void *from, __u32 size)
{
	return bpf_skb_store_bytes(frame, at, from, size, 0);
}

static __always_inline long frame_store_uncovered(frame_t *frame, __u32 at, const void *from,
						  __u32 size)
{
	return bpf_skb_store_bytes(frame, at, from, size, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline __u32 frame_segment_size(const frame_t *frame)
{
	return frame->gso_size;
}

static __always_inline int frame_sum_is_vouched_for(frame_t *frame)
{
	return bpf_csum_level(frame, BPF_CSUM_LEVEL_QUERY) >= 0;
}

#define FRAME_HIDES_PENDING_SUMS 0

/* No helper says so. But a buffer of whose checksum nobody knows anything can be told that it was
 * found right, and that taken back; one with a device's sum over all of it has that changed, by
 * nothing; and on one whose checksum is pending neither has any effect (bpf_csum_level(),
 * bpf_csum_update() in net/core/filter.c). */
static __always_inline int frame_sum_is_pending(frame_t *frame)
{
	if (frame_sum_is_vouched_for(frame) || bpf_csum_update(frame, 0) >= 0)
		return 0;
	bpf_csum_level(frame, BPF_CSUM_LEVEL_INC);
	if (!frame_sum_is_vouched_for(frame))
		return 1;
	bpf_csum_level(frame, BPF_CSUM_LEVEL_DEC);
	return 0;
}

static __always_inline long frame_change_l3_sum(frame_t *frame, __u32 at, __u64 from, __u64 to,
						__u64 flags)
{
	return bpf_l3_csum_replace(frame, at, from, to, flags);
}

static __always_inline long frame_change_l4_sum(frame_t *frame, __u32 at, __u64 from, __u64 to,
						__u64 flags)
{
	return bpf_l4_csum_replace(frame, at, from, to, flags);
}

/* Kernels before 6.16 do not know BPF_F_IPV6, without which checksums computed by a device go
 * wrong. */
static __always_inline long frame_change_pseudo_header_ipv6(frame_t *frame, __u32 at,
							    __s64 difference, __u64 flags)
{
	long error = bpf_l4_csum_replace(frame, at, 0, difference,
					 flags | BPF_F_PSEUDO_HDR | BPF_F_IPV6);

	if (error == -ERROR_INVALID)
		error = bpf_l4_csum_replace(frame, at, 0, difference, flags | BPF_F_PSEUDO_HDR);
	return error;
}
