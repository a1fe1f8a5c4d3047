/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What TCP packets mean to connection tracking: the states of nf_conntrack_proto_tcp.c, so that a
 * flow lives as long, and starts anew on the same packets, as it does under netfilter.
 */
#pragma once

#include <linux/types.h>

enum tcp_state {
	TCP_STATE_NONE = 0,
	TCP_STATE_SYN_SENT,
	TCP_STATE_SYN_RECEIVED,
	TCP_STATE_ESTABLISHED,
	TCP_STATE_FIN_WAIT,
	TCP_STATE_CLOSE_WAIT,
	TCP_STATE_LAST_ACK,
	TCP_STATE_TIME_WAIT,
	TCP_STATE_CLOSED,
	TCP_STATE_SYN_SENT_BOTH, /* simultaneous open */
	TCP_STATE_COUNT,

	/* Outcomes of a transition that leave the state as it was. */
	TCP_IGNORE = 14, /* let through: the ends may know more than we do */
	TCP_INVALID = 15,
};

enum tcp_event {
	TCP_EVENT_SYN = 0,
	TCP_EVENT_SYN_ACK,
	TCP_EVENT_FIN,
	TCP_EVENT_ACK,
	TCP_EVENT_RST,
	TCP_EVENT_NONE,
};

enum tcp_direction {
	TCP_FROM_CLIENT = 0,
	TCP_FROM_SERVER = 1,
};

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20

/* clang-format off */

/* The next state, or TCP_IGNORE or TCP_INVALID: [direction][event][present state]. */
static const __u8 tcp_transitions[2][6][TCP_STATE_COUNT + 6] = {
	[TCP_FROM_CLIENT] = {
		[TCP_EVENT_SYN] = {1, 1, 14, 14, 14, 14, 14, 1, 1, 9},
		[TCP_EVENT_SYN_ACK] = {15, 15, 2, 15, 15, 15, 15, 15, 15, 2},
		[TCP_EVENT_FIN] = {15, 15, 4, 4, 6, 6, 6, 7, 8, 15},
		[TCP_EVENT_ACK] = {3, 15, 3, 3, 5, 5, 7, 7, 8, 15},
		[TCP_EVENT_RST] = {15, 8, 8, 8, 8, 8, 8, 8, 8, 8},
		[TCP_EVENT_NONE] = {15, 15, 15, 15, 15, 15, 15, 15, 15, 15},
	},
	[TCP_FROM_SERVER] = {
		[TCP_EVENT_SYN] = {15, 9, 15, 15, 15, 15, 15, 1, 15, 9},
		[TCP_EVENT_SYN_ACK] = {15, 2, 14, 14, 14, 14, 14, 14, 14, 2},
		[TCP_EVENT_FIN] = {15, 15, 4, 4, 6, 6, 6, 7, 8, 15},
		[TCP_EVENT_ACK] = {15, 14, 2, 3, 5, 5, 7, 7, 8, 14},
		[TCP_EVENT_RST] = {15, 8, 8, 8, 8, 8, 8, 8, 8, 8},
		[TCP_EVENT_NONE] = {15, 15, 15, 15, 15, 15, 15, 15, 15, 15},
	},
};

#define TCP_RETRANSMISSIONS_MAX 3 /* net.netfilter.nf_conntrack_tcp_max_retrans */
#define TCP_STALLED_TIMEOUT 300 /* of an established connection that does not get on */

/* Seconds; those of ESTABLISHED and CLOSE_WAIT are among the settings. */
static const __u32 tcp_timeouts[16] = {
	[TCP_STATE_SYN_SENT] = 120,
	[TCP_STATE_SYN_RECEIVED] = 60,
	[TCP_STATE_FIN_WAIT] = 120,
	[TCP_STATE_LAST_ACK] = 30,
	[TCP_STATE_TIME_WAIT] = 120,
	[TCP_STATE_CLOSED] = 10,
	[TCP_STATE_SYN_SENT_BOTH] = 120,
};

/* clang-format on */

static __always_inline __u8 tcp_next_state(__u8 direction, __u8 event, __u8 state)
{
	if (direction > TCP_FROM_SERVER || event > TCP_EVENT_NONE || state > 15)
		return TCP_INVALID;
	return tcp_transitions[direction][event][state];
}

static __always_inline __u8 tcp_event_of(__u8 flags)
{
	if (flags & TCP_RST)
		return TCP_EVENT_RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? TCP_EVENT_SYN_ACK : TCP_EVENT_SYN;
	if (flags & TCP_FIN)
		return TCP_EVENT_FIN;
	if (flags & TCP_ACK)
		return TCP_EVENT_ACK;
	return TCP_EVENT_NONE;
}

/* Combinations that a TCP may send; PSH, ECE and CWR go with any. */
static __always_inline int tcp_flags_are_valid(__u8 flags)
{
	switch (flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK | TCP_URG)) {
	case TCP_SYN:
	case TCP_SYN | TCP_URG:
	case TCP_SYN | TCP_ACK:
	case TCP_RST:
	case TCP_RST | TCP_ACK:
	case TCP_FIN | TCP_ACK:
	case TCP_FIN | TCP_ACK | TCP_URG:
	case TCP_ACK:
	case TCP_ACK | TCP_URG:
		return 1;
	}
	return 0;
}
