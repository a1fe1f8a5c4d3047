/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SCTP's checksum is a CRC32c over the whole packet (RFC 9260 appendix A). A CRC is linear: what a
 * change of ports adds to it is the CRC of the change alone, followed by as many zeros as bytes
 * follow the ports. So it needs no pass over the packet, only its length: appending zeros is
 * multiplying by a power of x, put together from those for 1, 2, 4, … bytes.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "frame.bpf.h"
#include "verified_once.bpf.h"

#define CRC32C_POLYNOMIAL 0x82f63b78 /* bits reversed */
#define SCTP_CHECKSUM 8 /* offset in the header */
#define SCTP_PORTS 4 /* bytes of both */

/* x^(8 << n) modulo the polynomial, bits reversed. */
static const __u32 crc32c_zeros[16] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c, 0x18b8ea18, 0x510ac59a,
	0xb82be955, 0xb8fdb1e7, 0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
	0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

/* a · b modulo the polynomial. */
VERIFIED_ONCE __u32 crc32c_multiply(__u32 a, __u32 b)
{
	__u32 product = 0;

#pragma clang loop unroll(disable)
	for (int i = 31; i >= 0; i--) {
		product ^= b & -(a >> i & 1);
		b = b >> 1 ^ (CRC32C_POLYNOMIAL & -(b & 1));
	}
	return product;
}

/* What a change of the first four bytes of a packet of `length` does to its checksum, which stands
 * in the packet as a little-endian number. */
VERIFIED_ONCE __u32 crc32c_of_change(__u32 change, __u32 length)
{
	__u32 crc = change, zeros = length - SCTP_PORTS;

	for (int i = 0; i < 8 * SCTP_PORTS; i++)
		crc = crc >> 1 ^ (CRC32C_POLYNOMIAL & -(crc & 1));
#pragma clang loop unroll(disable)
	for (int i = 0; i < 16; i++) {
		if (zeros >> i & 1)
			crc = crc32c_multiply(crc32c_zeros[i], crc);
	}
	return crc;
}

/* For a packet at `transport`, up to `end`, whose ports change by `change`, in the order of the
 * packet's bytes. */
static __always_inline long change_sctp_checksum(frame_t *frame, __u32 transport, __u32 end,
						 __u32 change)
{
	__u32 crc, sum;

	if (frame_load(frame, transport + SCTP_CHECKSUM, &sum, sizeof(sum)))
		return -1;
	crc = crc32c_of_change(__builtin_bswap32(bpf_htonl(change)), end - transport);
	sum ^= __builtin_bswap32(bpf_htonl(crc));
	return frame_store_uncovered(frame, transport + SCTP_CHECKSUM, &sum, sizeof(sum));
}

/* What each bit of a word leaves behind once the word has gone through the register, which is linear:
 * from these eight for each byte the tables for whole bytes are put together. */
#define CRC32C_SUM(byte, b0, b1, b2, b3, b4, b5, b6, b7)                                           \
	(((byte)&1 ? b0 : 0) ^ ((byte)&2 ? b1 : 0) ^ ((byte)&4 ? b2 : 0) ^ ((byte)&8 ? b3 : 0) ^   \
	 ((byte)&16 ? b4 : 0) ^ ((byte)&32 ? b5 : 0) ^ ((byte)&64 ? b6 : 0) ^                      \
	 ((byte)&128 ? b7 : 0))
#define CRC32C_4(at, ...)                                                                          \
	CRC32C_SUM((at), __VA_ARGS__), CRC32C_SUM((at) + 1, __VA_ARGS__),                          \
		CRC32C_SUM((at) + 2, __VA_ARGS__), CRC32C_SUM((at) + 3, __VA_ARGS__)
#define CRC32C_16(at, ...)                                                                         \
	CRC32C_4((at), __VA_ARGS__), CRC32C_4((at) + 4, __VA_ARGS__),                              \
		CRC32C_4((at) + 8, __VA_ARGS__), CRC32C_4((at) + 12, __VA_ARGS__)
#define CRC32C_64(at, ...)                                                                         \
	CRC32C_16((at), __VA_ARGS__), CRC32C_16((at) + 16, __VA_ARGS__),                           \
		CRC32C_16((at) + 32, __VA_ARGS__), CRC32C_16((at) + 48, __VA_ARGS__)
#define CRC32C_BYTE(...)                                                                           \
	{                                                                                          \
		CRC32C_64(0, __VA_ARGS__), CRC32C_64(64, __VA_ARGS__),                             \
			CRC32C_64(128, __VA_ARGS__), CRC32C_64(192, __VA_ARGS__)                   \
	}

static const __u32 crc32c_tables[4][256] = {
	CRC32C_BYTE(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b,
		    0xaba65fe7, 0x52a0c93f),
	CRC32C_BYTE(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14,
		    0xc76580d9, 0x8b277743),
	CRC32C_BYTE(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302,
		    0xff17c604, 0xfbc3faf9),
	CRC32C_BYTE(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede,
		    0x417b1dbc, 0x82f63b78),
};

/* `crc` and the first `length` bytes of the buffer. */
static __always_inline __u32 crc32c_of_buffer(const struct sum_buffer *buffer, __u32 length,
					      __u32 crc)
{
	__u32 words = length / 4;
	const __u8 *rest;

	if (!buffer)
		return 0;
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SUM_CHUNK / 4 && i < words; i++) {
		crc ^= __builtin_bswap32(bpf_htonl(buffer->words[i]));
		crc = crc32c_tables[0][crc & 255] ^ crc32c_tables[1][crc >> 8 & 255] ^
		      crc32c_tables[2][crc >> 16 & 255] ^ crc32c_tables[3][crc >> 24];
	}
	/* Hidden from the verifier, which would walk the rest for each number of words, had it to do
	 * with theirs. */
	asm volatile("" : "+r"(length));
	rest = (const __u8 *)&buffer->words[length / 4 % (SUM_CHUNK / 4)];
	for (__u32 i = 0; i < 3 && i < length % 4; i++) {
		__u32 index = crc ^ rest[i];

		/* Not to be taken apart: kernels before 6.2 lose the bounds of an exclusive or. */
		asm volatile("" : "+r"(index));
		crc = crc >> 8 ^ crc32c_tables[3][index & 255];
	}
	return crc;
}

/* The header, in the first chunk, has the checksum in it, which counts as zero. */
static long crc32c_chunk(__u32 index, void *data)
{
	struct sum_walk *walk = data;
	__u32 length = sum_load_chunk(walk);

	if (!length)
		return 1;
	if (!index && walk->headed)
		walk->buffer->words[SCTP_CHECKSUM / 4] = 0;
	walk->sum = crc32c_of_buffer(walk->buffer, length, walk->sum);
	return 0;
}

/* `crc` and `length` bytes of a frame; `headed`: they begin with the header. Here all bytes count,
 * so this takes its time. */
#define crc32c_frame BY_FRAME(crc32c_frame)
VERIFIED_ONCE __u32 crc32c_frame(frame_t *frame, __u32 at, __u32 length, __u32 crc, int headed)
{
	__u32 zero = 0;
	struct sum_walk walk = {
		.frame = frame,
		.buffer = bpf_map_lookup_elem(&sum_buffers, &zero),
		.at = at,
		.rest = length,
		.sum = crc,
		.headed = headed,
	};

	if (!walk.buffer)
		return 0;
	bpf_loop(SUM_CHUNKS_MAX, crc32c_chunk, &walk, 0);
	return walk.sum;
}

/* As it stands in the packet. */
static __always_inline __u32 sctp_checksum_of_crc(__u32 crc)
{
	return bpf_htonl(__builtin_bswap32(~crc));
}

static __always_inline __u32 sctp_checksum(frame_t *frame, __u32 transport, __u32 length)
{
	return sctp_checksum_of_crc(crc32c_frame(frame, transport, length, ~0u, 1));
}

/* enum checksum_verdict, of a whole packet. Zero is what stands there as long as it is to be
 * computed. */
static __always_inline int sctp_checksum_verdict(frame_t *frame, __u32 transport, __u32 length)
{
	__u32 checksum;

	if (frame_load(frame, transport + SCTP_CHECKSUM, &checksum, sizeof(checksum)) ||
	    (FRAME_HIDES_PENDING_SUMS && !checksum))
		return CHECKSUM_UNKNOWN;
	return sctp_checksum(frame, transport, length) == checksum ? CHECKSUM_RIGHT
								   : CHECKSUM_WRONG;
}
