/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SCTP that a process of the node sends in fragments. netfilter sees it before it is cut, and where
 * it translates makes its checksum anew over all of it (sctp_manip_pkt()), right or not as it was. So
 * the datagram is put together first, unless there is no room for it or it would be stuck then, too
 * long for its link and not to be cut again as it is. That one's checksum is changed by what its
 * first fragment foretells.
 */
#pragma once

#include <linux/in.h>

#include "deliver.bpf.h"
#include "frame.bpf.h"
#include "hold.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "sctp_track.bpf.h"
#include "tuple.bpf.h"

/* `packet->to` is what it is to become. How long nobody may know. */
static __always_inline int whole_can_leave(struct __sk_buff *skb, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	__u32 length = sctp_foreseen_length(skb, headers->transport, headers->end);

	if (length + headers->transport - headers->share > HELD_MAX)
		return 0;
	if (may_be_cut(packet))
		return 1;
	length += headers->transport - headers->network;
	return length > headers->end - headers->network && own_fits_its_link(skb, packet, length);
}

static __always_inline int is_awaited_whole(struct __sk_buff *skb, struct packet *packet)
{
	return packet->tuple.protocol == IPPROTO_SCTP &&
	       packet->headers.fragment == FRAGMENT_FIRST && !packet->whole &&
	       !tuple_keeps(&packet->tuple, &packet->to) && whole_can_leave(skb, packet);
}
