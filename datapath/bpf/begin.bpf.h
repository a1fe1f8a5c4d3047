/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of a packet before it is looked at. */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <bpf/bpf_helpers.h>

#include "icmp.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "route.bpf.h"
#include "seams.bpf.h"

static __always_inline void packet_begin(struct packet *packet, __u8 program, __u32 ifindex,
					 __u32 mark)
{
	const struct interface_settings *interface;
	__u64 state = present_state;

	packet->ifindex = ifindex;
	packet->generation = state;
	packet->service_state = state >> 32;
	packet->mark = mark;
	packet->now = clock_now();
	packet->host_origin = 0;
	packet->error = ERROR_NONE;
	packet->tracked = 0;
	packet->portless = 0;
	packet->broken = 0;
	packet->options_refused = 0;
	packet->masqueraded_before_input = 0;
	packet->refused_silently = 0;
	packet->source_routed = 0;
	packet->martian = 0;
	packet->only_tracked = 0;
	packet->draws_port = 0;
	packet->meets_unfinished = 0;
	packet->options_end = 0;
	packet->record_route = 0;
	packet->timestamp = 0;
	packet->recorded = 0;
	packet->options_written = 0;
	packet->icmp_class = ICMP_CLASS_UNTRACKED;
	packet->segment_size = 0;
	packet->largest_fragment = 0;
	packet->first_piece.length = 0;
	packet->refused_at_input = 0;
	packet->whole = 0;
	packet->held = 0;
	packet->waits_for_first = 0;
	packet->checksum_offset = 0;
	packet->quoted_checksum_offset = 0;
	packet->of_a_process = 0;
	packet->quoted_short = 0;
	packet->ipv6_answer.type = ICMPV6_UNREACHABLE;
	packet->ipv6_answer.code = ICMPV6_PORT_UNREACHABLE;
	packet->ipv6_answer.mtu = 0;
	packet->quoted_back = 0;
	packet->headers.identification = 0;
	packet->headers.fragment = FRAGMENT_NONE;
	packet->headers.fragment_header = 0;
	packet->headers.chain_broken = 0;
	packet->headers.lone_first = 0;
	__builtin_memset(&packet->tuple, 0, sizeof(packet->tuple));
	__builtin_memset(&packet->to, 0, sizeof(packet->to));
	__builtin_memset(&packet->quoted, 0, sizeof(packet->quoted));
	__builtin_memset(&packet->trace, 0, sizeof(packet->trace));
	packet->trace.program = program;
	interface = interface_find(packet, ifindex);
	packet->interface_flags = interface ? interface->flags : 0;
	packet->link_header_length = interface ? interface->link_header_length : ETH_HLEN;
	packet->headers.network = packet->link_header_length;
}
