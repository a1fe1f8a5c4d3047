/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A note for the hook that a redirect reaches. Marks are others' to use, and bits of them as well;
 * what stands here the kernel keeps from the one hook to the other, and nobody else can know the
 * key.
 */
#pragma once

#include <linux/bpf.h>

#include "packet.bpf.h"
#include "seams.bpf.h"

enum note {
	NOTE_NONE = 0,
	NOTE_DECIDED, /* nothing is left to be done */
	NOTE_REASSEMBLED, /* was in fragments, of which the largest had so many bytes */
};

static __always_inline void set_note(struct __sk_buff *skb, __u32 note, __u32 number)
{
	skb->cb[0] = decided_key[0];
	skb->cb[1] = decided_key[1];
	skb->cb[2] = note;
	skb->cb[3] = number;
}

static __always_inline void set_note_first_piece(struct __sk_buff *skb,
						 const struct first_piece *piece)
{
	skb->cb[4] = (__u32)piece->length << 16 | piece->header_length << 8 | piece->named_at;
}

static __always_inline void take_note_first_piece(const struct __sk_buff *skb,
						  struct first_piece *piece)
{
	__u32 number = skb->cb[4];

	piece->length = number >> 16;
	piece->header_length = number >> 8;
	piece->named_at = number;
}

/* It is for one hook only. */
static __always_inline __u32 take_note(struct __sk_buff *skb, __u32 *number)
{
	__u32 note = skb->cb[2];

	if (skb->cb[0] != decided_key[0] || skb->cb[1] != decided_key[1])
		return NOTE_NONE;
	*number = skb->cb[3];
	skb->cb[0] = 0;
	skb->cb[1] = 0;
	return note;
}
