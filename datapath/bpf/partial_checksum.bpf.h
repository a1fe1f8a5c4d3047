/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet may come with the order to compute its transport checksum (CHECKSUM_PARTIAL), to whoever
 * sends it on at last. Once the packet is only what an error quotes, that would change the quote
 * behind the back of the error's own checksum. No helper takes the order back, but the kernel drops
 * it when it finds that what the sum begins with is gone (skb_postpull_rcsum(),
 * include/linux/skbuff.h). So the beginning of the packet is taken away and put back.
 *
 * It is kept with the packet, since a stack that is as deep as a rejection has no room for it.
 *
 * Left out: packets whose transport header begins further on than BEGINNING, behind many extension
 * headers.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "packet.bpf.h"
#include "verified_once.bpf.h"

/* Of the packet, its first `length` bytes stay. */
VERIFIED_ONCE long forget_pending_checksum(struct __sk_buff *skb, struct packet *packet,
					   __u32 length)
{
	__u32 network;
	__u8 first_behind;

	if (!packet)
		return -1;
	network = packet->headers.network;
	if (!frame_sum_is_pending(skb) || packet->headers.transport >= BEGINNING)
		return 0;
	/* Something has to be left when the beginning goes. */
	if (bpf_skb_change_tail(skb, network + length + BEGINNING, 0) ||
	    frame_load(skb, network, packet->beginning, BEGINNING) ||
	    bpf_skb_adjust_room(skb, -BEGINNING, BPF_ADJ_ROOM_MAC, 0) ||
	    frame_load(skb, network, &first_behind, 1) ||
	    /* Whatever is written makes the kernel look. */
	    frame_store_uncovered(skb, network, &first_behind, 1) ||
	    bpf_skb_adjust_room(skb, BEGINNING, BPF_ADJ_ROOM_MAC, 0) ||
	    frame_store_uncovered(skb, network, packet->beginning, BEGINNING))
		return -1;
	return bpf_skb_change_tail(skb, network + length, 0);
}
