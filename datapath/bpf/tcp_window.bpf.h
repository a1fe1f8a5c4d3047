/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whether a TCP segment lies in the window, and what it tells of the windows: tcp_in_window() of
 * net/netfilter/nf_conntrack_proto_tcp.c, after Guido van Rooij, "Real Stateful TCP Packet Filtering
 * in IP Filter". And the options that it needs: window scale, selective acknowledgments.
 */
#pragma once

#include <linux/types.h>

#include <bpf/bpf_endian.h>

#include "frame.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "tcp_state.bpf.h"
#include "verified_once.bpf.h"

#define TCP_HEADER 20
#define TCP_SCALE_MAX 14 /* RFC 7323 */
#define TCP_ACKNOWLEDGMENT_WINDOW_MIN 66000 /* how far behind an acknowledgment may always be */
#define TCP_OPTIONS_MAX 40

enum tcp_option {
	TCP_OPTION_END = 0,
	TCP_OPTION_NOP = 1,
	TCP_OPTION_SCALE = 3,
	TCP_OPTION_SELECTIVE_PERMITTED = 4,
	TCP_OPTION_SELECTIVE = 5,
};

#define TCP_SELECTIVE_BLOCK 8
#define TCP_SELECTIVE_BLOCKS_MAX 4

/* A timestamp alone, as Linux lays it out: NOP, NOP, kind 8, length 10. */
#define TCP_ONLY_TIMESTAMP bpf_htonl(0x0101080a)
#define TCP_ONLY_TIMESTAMP_LENGTH 12

enum tcp_window_verdict {
	TCP_WINDOW_INSIDE = 0,
	TCP_WINDOW_IGNORED, /* let through, but it moves nothing on */
	TCP_WINDOW_INVALID,
};

static __always_inline int is_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static __always_inline __u32 at_least(__u32 a, __u32 b)
{
	return a > b ? a : b;
}

static __always_inline __u32 tcp_segment_end(const struct tcp_segment *segment)
{
	return segment->sequence + segment->payload_length;
}

/* Of several such options, the first that is well-formed (tcp_sack()). */
#define tcp_read_selective BY_FRAME(tcp_read_selective)
VERIFIED_ONCE int tcp_read_selective(frame_t *frame, struct tcp_segment *segment, __u32 at,
				     __u32 length)
{
	if (!segment || segment->selective_read || !length || length % TCP_SELECTIVE_BLOCK)
		return 0;
	segment->selective_read = 1;
	for (__u32 block = 0; block < TCP_SELECTIVE_BLOCKS_MAX; block++) {
		__be32 edges[2];

		if ((block + 1) * TCP_SELECTIVE_BLOCK > length ||
		    frame_load(frame, at + block * TCP_SELECTIVE_BLOCK, edges, sizeof(edges)))
			break;
		if (is_before(segment->highest_acknowledgment, bpf_ntohl(edges[1])))
			segment->highest_acknowledgment = bpf_ntohl(edges[1]);
	}
	return 0;
}

/* Fills in what the options say. */
#define tcp_read_options BY_FRAME(tcp_read_options)
VERIFIED_ONCE int tcp_read_options(frame_t *frame, struct packet *packet)
{
	struct tcp_segment *segment;
	__u32 at, end;
	__be32 first;

	if (!packet)
		return 0;
	segment = &packet->tcp;
	segment->highest_acknowledgment = segment->acknowledgment;
	segment->offers = 0;
	segment->scale = 0;
	segment->selective_read = 0;
	at = packet->headers.transport + TCP_HEADER;
	end = packet->headers.transport + segment->header_length;
	if (at >= end)
		return 0;
	if (end - at == TCP_ONLY_TIMESTAMP_LENGTH &&
	    !frame_load(frame, at, &first, sizeof(first)) && first == TCP_ONLY_TIMESTAMP)
		return 0;
	for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
		__u8 option[2] = {};

		if (at >= end || frame_load(frame, at, option, 1) || option[0] == TCP_OPTION_END)
			break;
		if (option[0] == TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (at + 2 > end || frame_load(frame, at, option, 2) || option[1] < 2 ||
		    at + option[1] > end)
			break;
		if (option[0] == TCP_OPTION_SELECTIVE_PERMITTED && option[1] == 2) {
			segment->offers |= TCP_END_SELECTIVE;
		} else if (option[0] == TCP_OPTION_SCALE && option[1] == 3) {
			segment->offers |= TCP_END_SCALES;
			frame_load(frame, at + 2, &segment->scale, 1);
			if (segment->scale > TCP_SCALE_MAX)
				segment->scale = TCP_SCALE_MAX;
		} else if (option[0] == TCP_OPTION_SELECTIVE) {
			tcp_read_selective(frame, segment, at + 2, option[1] - 2);
		}
		at += option[1];
	}
	return 0;
}

/* A SYN without options says nothing, not even that it offers none. */
static __always_inline void tcp_take_offers(struct tcp_end *end, const struct tcp_segment *segment)
{
	if (segment->header_length <= TCP_HEADER)
		return;
	end->flags = (end->flags & TCP_END_LIBERAL) | segment->offers;
	end->scale = segment->scale;
}

/* A SYN, or its answer, says where its sender starts. */
static __always_inline void tcp_start_end(struct tcp_end *sender, struct tcp_end *receiver,
					  int reply, const struct tcp_segment *segment)
{
	sender->end = sender->end_max = tcp_segment_end(segment);
	sender->window_max = at_least(segment->window, 1);
	tcp_take_offers(sender, segment);
	/* RFC 7323: both sides, or neither. */
	if (reply && !(sender->flags & receiver->flags & TCP_END_SCALES))
		sender->scale = receiver->scale = 0;
}

/* The first segment of a side whose handshake was missed. */
static __always_inline void tcp_pick_up_end(struct tcp_end *sender, struct tcp_end *receiver,
					    const struct tcp_segment *segment, __u32 highest)
{
	sender->end = tcp_segment_end(segment);
	sender->window_max = at_least((__u32)segment->window << (sender->scale & 15), 1);
	sender->end_max = sender->end + sender->window_max;
	if (!receiver->window_max)
		receiver->end = receiver->end_max = highest;
	else if (highest == receiver->end + 1)
		receiver->end++; /* the answer to a keep-alive */
}

/* A segment with what fits in place of numbers that say nothing. */
struct tcp_numbers {
	__u32 sequence;
	__u32 end;
	__u32 acknowledgment;
	__u32 highest;
};

static __always_inline int tcp_judge_numbers(struct tcp_end *sender, const struct tcp_end *receiver,
					     const struct tcp_numbers *numbers)
{
	__u32 behind = at_least(sender->window_max, TCP_ACKNOWLEDGMENT_WINDOW_MIN);
	int end_in_window = is_before(sender->end - receiver->window_max - 1, numbers->end);
	int not_ahead = is_before(numbers->highest, receiver->end + 1);
	int not_behind = is_before(receiver->end - behind - 1, numbers->highest);

	if (!is_before(numbers->sequence, sender->end_max + 1)) {
		if (receiver->window_max && end_in_window && not_behind && not_ahead &&
		    numbers->end - sender->end_max + 1 <= receiver->window_max) {
			/* More than the receiver had room for: what it acknowledges is valid. */
			sender->end = numbers->end;
			sender->flags |= TCP_END_AWAITS_ACKNOWLEDGMENT;
			return TCP_WINDOW_IGNORED;
		}
		return TCP_WINDOW_INVALID;
	}
	if (!not_ahead)
		return TCP_WINDOW_INVALID;
	if ((receiver->window_max && !end_in_window) || !not_behind)
		return TCP_WINDOW_IGNORED;
	return TCP_WINDOW_INSIDE;
}

static __always_inline void tcp_learn(struct tcp_end *sender, struct tcp_end *receiver,
				      const struct tcp_segment *segment,
				      const struct tcp_numbers *numbers)
{
	__u32 window = segment->window;

	if (!(segment->flags & TCP_SYN))
		window <<= sender->scale & 15;
	sender->window_max =
		at_least(sender->window_max, window + (numbers->highest - numbers->acknowledgment));
	if (is_before(sender->end, numbers->end)) {
		sender->end = numbers->end;
		sender->flags |= TCP_END_AWAITS_ACKNOWLEDGMENT;
	}
	if (segment->flags & TCP_ACK &&
	    (!(sender->flags & TCP_END_HAS_ACKNOWLEDGED) ||
	     is_before(sender->acknowledged, numbers->acknowledgment))) {
		sender->acknowledged = numbers->acknowledgment;
		sender->flags |= TCP_END_HAS_ACKNOWLEDGED;
	}
	if (receiver->window_max && is_before(sender->end_max, numbers->end))
		receiver->window_max += numbers->end - sender->end_max;
	if (is_before(receiver->end_max - 1, numbers->highest + window))
		receiver->end_max = numbers->highest + window + !window;
	if (numbers->acknowledgment == receiver->end || !receiver->window_max)
		receiver->flags &= ~TCP_END_AWAITS_ACKNOWLEDGMENT;
}

/* The same segment again, without SYN, FIN or RST, is a retransmission. */
static __always_inline void tcp_note_segment(struct flow *state, const struct tcp_segment *segment,
					     const struct tcp_numbers *numbers, int same_direction)
{
	if (same_direction && state->tcp_last_sequence == numbers->sequence &&
	    state->tcp_last_acknowledgment == numbers->acknowledgment &&
	    state->tcp_last_end == numbers->end && state->tcp_last_window == segment->window) {
		if (state->tcp_retransmissions < TCP_RETRANSMISSIONS_MAX)
			state->tcp_retransmissions++;
		return;
	}
	state->tcp_last_sequence = numbers->sequence;
	state->tcp_last_acknowledgment = numbers->acknowledgment;
	state->tcp_last_end = numbers->end;
	state->tcp_last_window = segment->window;
	state->tcp_retransmissions = 0;
}

VERIFIED_ONCE int tcp_check_window(const struct packet *packet, struct flow *state, int reply,
				   int same_direction)
{
	struct tcp_numbers numbers;
	const struct tcp_segment *segment;
	struct tcp_end *sender, *receiver;
	int opening, verdict;
	__u8 flags;

	if (!packet || !state)
		return TCP_WINDOW_INVALID;
	segment = &packet->tcp;
	flags = segment->flags;
	sender = &state->tcp_ends[reply ? 1 : 0];
	receiver = &state->tcp_ends[reply ? 0 : 1];
	opening = state->tcp_state == TCP_STATE_SYN_SENT ||
		  state->tcp_state == TCP_STATE_SYN_RECEIVED;
	numbers.sequence = segment->sequence;
	numbers.end = tcp_segment_end(segment);
	numbers.acknowledgment = segment->acknowledgment;
	numbers.highest = receiver->flags & TCP_END_SELECTIVE ? segment->highest_acknowledgment
							      : segment->acknowledgment;
	if (!sender->window_max) {
		if (flags & TCP_SYN) {
			tcp_start_end(sender, receiver, reply, segment);
			if (!(flags & TCP_ACK)) /* simultaneous open */
				return TCP_WINDOW_INSIDE;
		} else {
			tcp_pick_up_end(sender, receiver, segment, numbers.highest);
		}
	} else if (flags & TCP_SYN && opening && is_before(sender->end, numbers.end)) {
		tcp_start_end(sender, receiver, reply, segment);
		if (reply && !(flags & TCP_ACK))
			return TCP_WINDOW_INSIDE;
	}
	/* Some stacks' resets acknowledge zero. */
	if (!(flags & TCP_ACK) || (flags & TCP_RST && !segment->acknowledgment))
		numbers.acknowledgment = numbers.highest = receiver->end;
	/* A reset that answers a SYN has no sequence number of its own. */
	if (flags & TCP_RST && !segment->sequence && state->tcp_state == TCP_STATE_SYN_SENT)
		numbers.sequence = numbers.end = sender->end;
	verdict = tcp_judge_numbers(sender, receiver, &numbers);
	if (verdict != TCP_WINDOW_INSIDE)
		return sender->flags & TCP_END_LIBERAL ||
				       !(settings_of(packet)->flags & SETTING_DROP_INVALID)
			       ? TCP_WINDOW_INSIDE
			       : verdict;
	tcp_learn(sender, receiver, segment, &numbers);
	if (tcp_event_of(flags) == TCP_EVENT_ACK)
		tcp_note_segment(state, segment, &numbers, same_direction);
	return TCP_WINDOW_INSIDE;
}
