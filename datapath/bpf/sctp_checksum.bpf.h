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
static __always_inline __u32 crc32c_multiply(__u32 a, __u32 b)
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
 * in the packet as a little-endian number. A function of its own to the verifier. */
__weak __noinline __u32 crc32c_of_change(__u32 change, __u32 length)
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
 * packet's bytes. A checksum of zero is one that the device is still to compute. */
static __always_inline long change_sctp_checksum(frame_t *frame, __u32 transport, __u32 end,
						 __u32 change, __u32 *from, __u32 *to)
{
	__u32 crc;

	if (frame_load(frame, transport + SCTP_CHECKSUM, from, sizeof(*from)))
		return -1;
	*to = *from;
	if (!*from)
		return 0;
	crc = crc32c_of_change(__builtin_bswap32(bpf_htonl(change)), end - transport);
	*to = *from ^ __builtin_bswap32(bpf_htonl(crc));
	return frame_store(frame, transport + SCTP_CHECKSUM, to, sizeof(*to));
}

/* The remainders of four bits. */
static const __u32 crc32c_nibbles[16] = {
	0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
	0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
	0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

static long crc32c_chunk(__u32 index, void *data)
{
	struct sum_walk *walk = data;
	const __u8 *bytes = (const __u8 *)walk->buffer->words;
	__u32 length = sum_load_chunk(walk), crc = walk->sum;

	if (!length)
		return 1;
	if (!index)
		walk->buffer->words[SCTP_CHECKSUM / 4] = 0;
	/* Hidden from the compiler, which would drop the constant bound, that the verifier needs. */
	asm volatile("" : "+r"(length));
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SUM_CHUNK && i < length; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
		crc = crc >> 4 ^ crc32c_nibbles[crc & 15];
	}
	walk->sum = crc;
	return 0;
}

/* As it should stand in the packet; 0 where that cannot be told. Here all bytes count, so this takes
 * its time. A function of its own to the verifier, which would walk its loops for each caller
 * otherwise. */
__noinline __u32 BY_FRAME(sctp_checksum)(frame_t *frame, __u32 transport, __u32 length)
{
	__u32 zero = 0;
	struct sum_walk walk = {
		.frame = frame,
		.buffer = bpf_map_lookup_elem(&sum_buffers, &zero),
		.at = transport,
		.rest = length,
		.sum = ~0u,
	};

	if (!walk.buffer)
		return 0;
	bpf_loop(SUM_CHUNKS_MAX, crc32c_chunk, &walk, 0);
	return bpf_htonl(__builtin_bswap32(~walk.sum));
}

/* enum checksum_verdict, of a whole packet. */
static __always_inline int sctp_checksum_verdict(frame_t *frame, __u32 transport, __u32 length)
{
	__u32 checksum;

	if (frame_load(frame, transport + SCTP_CHECKSUM, &checksum, sizeof(checksum)) || !checksum)
		return CHECKSUM_UNKNOWN;
	return BY_FRAME(sctp_checksum)(frame, transport, length) == checksum ? CHECKSUM_RIGHT
									     : CHECKSUM_WRONG;
}
