/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sums over what a frame holds, chunk by chunk: packets are longer than any stack. */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "fold.bpf.h"
#include "frame.bpf.h"
#include "maps.bpf.h"
#include "verified_once.bpf.h"

#define SUM_CHUNKS_MAX 128 /* 64 KiB */

enum checksum_verdict {
	CHECKSUM_WRONG = 0,
	CHECKSUM_RIGHT,
	CHECKSUM_UNKNOWN, /* still to be computed, or for others to check */
};

/* Over bytes of a frame. */
struct sum_walk {
	frame_t *frame;
	struct sum_buffer *buffer;
	__u32 at;
	__u32 rest;
	__u32 sum;
	__u32 headed; /* of SCTP: it begins with the header */
};

/* The next chunk, padded with zeros to whole words; how many bytes it has, 0 behind the last. */
static __always_inline __u32 sum_load_chunk(struct sum_walk *walk)
{
	__u8 *bytes = (__u8 *)walk->buffer->words;
	__u32 length = walk->rest;

	if (length > SUM_CHUNK)
		length = SUM_CHUNK;
	if (!length)
		return 0;
	/* Changes nothing, but the verifier of 6.1 does not take from a comparison with 0 that a
	 * length is not 0. The barrier keeps it from being optimised away. */
	asm volatile("" : "+r"(length));
	length = ((length - 1) & (SUM_CHUNK - 1)) + 1;
	if (frame_load(walk->frame, walk->at, bytes, length))
		return 0;
	for (int i = 0; i < 3; i++)
		bytes[length + i] = 0;
	walk->at += length;
	walk->rest -= length;
	return length;
}

static long sum_chunk(__u32 index __attribute__((unused)), void *data)
{
	struct sum_walk *walk = data;
	__u32 length = sum_load_chunk(walk);

	if (!length)
		return 1;
	walk->sum = bpf_csum_diff(0, 0, walk->buffer->words, (length + 3) & ~3u, walk->sum);
	return 0;
}

/* `sum` and the Internet checksum, unfolded, of `length` bytes. */
#define sum_frame BY_FRAME(sum_frame)
VERIFIED_ONCE __u32 sum_frame(frame_t *frame, __u32 at, __u32 length, __u32 sum)
{
	__u32 zero = 0;
	struct sum_walk walk = {
		.frame = frame,
		.buffer = bpf_map_lookup_elem(&sum_buffers, &zero),
		.at = at,
		.rest = length,
		.sum = sum,
	};

	if (walk.buffer)
		bpf_loop(SUM_CHUNKS_MAX, sum_chunk, &walk, 0);
	return walk.sum;
}
