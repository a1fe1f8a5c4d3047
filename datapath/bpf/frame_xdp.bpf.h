/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Frames at XDP: bytes of which nobody says more. A checksum is what stands in them, none was
 * checked by the device, and none of them awaits segmentation.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "fold.bpf.h"

#define ACTION_PASS XDP_PASS
#define ACTION_DROP XDP_DROP
#define ACTION_REDIRECT XDP_REDIRECT

#define BY_FRAME(name) xdp_##name

#define CHECKSUM_SIZE_MASK 0xf /* BPF_F_HDR_FIELD_MASK */

typedef struct xdp_md frame_t;

static __always_inline __u32 frame_length(frame_t *frame)
{
	return bpf_xdp_get_buff_len(frame);
}

static __always_inline long frame_load(frame_t *frame, __u32 at, void *to, __u32 size)
{
	return bpf_xdp_load_bytes(frame, at, to, size);
}

static __always_inline long frame_store(frame_t *frame, __u32 at, const void *from, __u32 size)
{
	return bpf_xdp_store_bytes(frame, at, (void *)from, size);
}

static __always_inline long frame_store_uncovered(frame_t *frame, __u32 at, const void *from,
						  __u32 size)
{
	return frame_store(frame, at, from, size);
}

static __always_inline __u32 frame_segment_size(const frame_t *frame __attribute__((unused)))
{
	return 0;
}

static __always_inline int frame_sum_is_vouched_for(const frame_t *frame __attribute__((unused)))
{
	return 0;
}

#define FRAME_HIDES_PENDING_SUMS 1

static __always_inline int frame_sum_is_pending(const frame_t *frame __attribute__((unused)))
{
	return 0;
}

/* The sum at `at` is over words that changed by `difference`. Zero may mean that there is none. */
static __noinline long frame_change_sum(frame_t *frame, __u32 at, __u32 difference,
					int zero_means_none)
{
	__u16 sum;

	if (bpf_xdp_load_bytes(frame, at, &sum, sizeof(sum)))
		return -1;
	sum = ~fold((__u32)(__u16)~sum + fold(difference));
	if (zero_means_none && !sum)
		sum = 0xffff;
	return bpf_xdp_store_bytes(frame, at, &sum, sizeof(sum));
}

/* `flags` tell how large the words are; none: `to` is the difference. */
static __always_inline __u32 sum_difference(__u64 from, __u64 to, __u64 flags)
{
	switch (flags & CHECKSUM_SIZE_MASK) {
	case sizeof(__u16):
		return (__u32)(__u16)~from + (__u16)to;
	case sizeof(__u32):
		return (__u32)fold(~(__u32)from) + fold(to);
	default:
		return to;
	}
}

static __always_inline long frame_change_l3_sum(frame_t *frame, __u32 at, __u64 from, __u64 to,
						__u64 flags)
{
	return frame_change_sum(frame, at, sum_difference(from, to, flags), 0);
}

static __always_inline long frame_change_l4_sum(frame_t *frame, __u32 at, __u64 from, __u64 to,
						__u64 flags)
{
	return frame_change_sum(frame, at, sum_difference(from, to, flags),
				!!(flags & BPF_F_MARK_MANGLED_0));
}

static __always_inline long frame_change_pseudo_header_ipv6(frame_t *frame, __u32 at,
							    __s64 difference, __u64 flags)
{
	return frame_change_l4_sum(frame, at, 0, difference, flags);
}
