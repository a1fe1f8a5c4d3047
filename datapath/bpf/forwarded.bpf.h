/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the stack does to a packet that it forwards, for those that go past it: it cuts off what
 * follows the IP packet (ip_rcv_core(), ip6_rcv_core()) and lowers the TTL. Packets with IPv4
 * options do not go past it.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "packet.bpf.h"
#include "translate.bpf.h"
#include "verified_once.bpf.h"

VERIFIED_ONCE long make_forwarded(struct __sk_buff *skb, const struct packet *packet)
{
	if (!packet || change_ttl(skb, packet, -1))
		return -1;
	if (packet->segment_size || frame_length(skb) <= packet->headers.end)
		return 0;
	return bpf_skb_change_tail(skb, packet->headers.end, 0);
}
