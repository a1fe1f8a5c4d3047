/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One TCP segment and the connection that it belongs to: nf_conntrack_tcp_packet() and what
 * tcp_in_window() notes (net/netfilter/nf_conntrack_proto_tcp.c). Leaves out: that segments outside
 * the windows are invalid.
 */
#pragma once

#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "tcp_state.bpf.h"

static __always_inline int is_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

static __always_inline __u32 tcp_segment_end(const struct tcp_segment *segment)
{
	return segment->sequence + segment->payload_length;
}

static __always_inline void tcp_note_last(struct flow *state, __u8 event, __u8 direction)
{
	state->tcp_last_event = event;
	if (direction == TCP_FROM_CLIENT)
		state->status |= FLOW_LAST_FROM_CLIENT;
	else
		state->status &= ~FLOW_LAST_FROM_CLIENT;
}

/* The same segment again, without SYN, FIN or RST, is a retransmission. */
static __always_inline void tcp_note_segment(struct flow *state, const struct tcp_segment *segment,
					     __u32 acknowledgment, int same_direction)
{
	__u32 end = tcp_segment_end(segment);

	if (same_direction && state->tcp_last_sequence == segment->sequence &&
	    state->tcp_last_acknowledgment == acknowledgment && state->tcp_last_end == end &&
	    state->tcp_last_window == segment->window) {
		if (state->tcp_retransmissions < TCP_RETRANSMISSIONS_MAX)
			state->tcp_retransmissions++;
		return;
	}
	state->tcp_last_sequence = segment->sequence;
	state->tcp_last_acknowledgment = acknowledgment;
	state->tcp_last_end = end;
	state->tcp_last_window = segment->window;
	state->tcp_retransmissions = 0;
}

/* What the segment tells of both ends. Returns what it acknowledges: everything, if it does not
 * say, as with the zero in some stacks' resets. */
static __always_inline __u32 tcp_note_sequence(struct tcp_end *sender, struct tcp_end *receiver,
					       const struct tcp_segment *segment)
{
	__u32 end = tcp_segment_end(segment);
	__u32 acknowledgment = segment->acknowledgment;

	if (!(segment->flags & TCP_ACK) || (segment->flags & TCP_RST && !acknowledgment))
		acknowledgment = receiver->end;
	if (!(sender->flags & TCP_END_SEEN)) {
		sender->flags |= TCP_END_SEEN;
		sender->end = end;
	} else if (is_before(sender->end, end)) {
		sender->flags |= TCP_END_AWAITS_ACKNOWLEDGMENT;
		sender->end = end;
	}
	if (segment->flags & TCP_ACK) {
		if (!(sender->flags & TCP_END_HAS_ACKNOWLEDGED) ||
		    is_before(sender->acknowledged, acknowledgment))
			sender->acknowledged = acknowledgment;
		sender->flags |= TCP_END_HAS_ACKNOWLEDGED;
	}
	if (acknowledgment == receiver->end)
		receiver->flags &= ~TCP_END_AWAITS_ACKNOWLEDGMENT;
	return acknowledgment;
}

/* A reset ends an established connection only with the number that the other side waits for: any
 * other is answered by a challenge (RFC 5961), or by nothing. */
static __always_inline __u8 tcp_judge_reset(const struct flow *state,
					    const struct tcp_end *receiver,
					    const struct tcp_segment *segment, int same_direction)
{
	int established = state->tcp_state == TCP_STATE_ESTABLISHED && state->status & FLOW_ASSURED;

	if (state->tcp_state >= TCP_STATE_FIN_WAIT && state->tcp_state <= TCP_STATE_CLOSED)
		return TCP_STATE_CLOSED;
	if (!(receiver->flags & TCP_END_HAS_ACKNOWLEDGED) || state->tcp_last_event == TCP_EVENT_SYN)
		return TCP_STATE_CLOSED;
	if (!segment->sequence && !established)
		return TCP_STATE_CLOSED;
	if (is_before(segment->sequence, receiver->acknowledged))
		return TCP_INVALID;
	if (!established || segment->sequence == receiver->acknowledged)
		return TCP_STATE_CLOSED;
	if (state->tcp_last_event == TCP_EVENT_ACK && same_direction &&
	    segment->sequence == state->tcp_last_end)
		return TCP_STATE_CLOSED;
	return state->tcp_state;
}

static __always_inline __u64 tcp_timeout(const struct flow *state)
{
	__u32 seconds = tcp_timeouts[state->tcp_state & 15];
	int awaits = (state->tcp_ends[0].flags | state->tcp_ends[1].flags) &
		     TCP_END_AWAITS_ACKNOWLEDGMENT;
	int repeats = state->tcp_retransmissions >= TCP_RETRANSMISSIONS_MAX;
	/* Picked up in its middle, and the other side has not been heard. */
	int one_sided =
		state->tcp_state == TCP_STATE_ESTABLISHED && !(state->status & FLOW_SEEN_REPLY);

	if (state->tcp_last_event == TCP_EVENT_RST && !(repeats && seconds > TCP_STALLED_TIMEOUT))
		return tcp_timeouts[TCP_STATE_CLOSED] * SECOND;
	if ((awaits || repeats || one_sided || !state->tcp_last_window) &&
	    seconds > TCP_STALLED_TIMEOUT)
		seconds = TCP_STALLED_TIMEOUT;
	return seconds * SECOND;
}

/* A SYN, or an answer, that the state has no place for: the ends may know more. */
static __always_inline int track_ignored(struct packet *packet, struct flow *state, __u8 event,
					 __u8 direction)
{
	tcp_note_last(state, event, direction);
	state->tcp_last_sequence = packet->tcp.sequence;
	state->tcp_last_end = tcp_segment_end(&packet->tcp);
	state->tcp_last_window = packet->tcp.window;
	if (event == TCP_EVENT_SYN && direction == TCP_FROM_CLIENT) {
		state->tcp_flags &= ~(TCP_FLOW_SIMULTANEOUS_OPEN | TCP_FLOW_EXPECTS_CHALLENGE);
		if (state->tcp_state == TCP_STATE_LAST_ACK)
			state->tcp_flags |= TCP_FLOW_EXPECTS_CHALLENGE;
	}
	if (direction == TCP_FROM_SERVER)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

/* The answer to a SYN that was let through: the ends are in step, and it was us who were not. */
static __always_inline void tcp_synchronise(struct flow *state, struct tcp_end *opener,
					    struct tcp_end *other)
{
	state->status &= ~FLOW_CLOSING;
	state->tcp_flags &= ~TCP_FLOW_EXPECTS_CHALLENGE;
	opener->end = state->tcp_last_end;
	opener->flags = TCP_END_SEEN;
	other->end = 0;
	other->acknowledged = 0;
	other->flags = 0;
}

static __always_inline int track_tcp(struct packet *packet, struct flow *state, int reply)
{
	__u8 direction = reply ? TCP_FROM_SERVER : TCP_FROM_CLIENT;
	int same_direction = (state->status & FLOW_LAST_FROM_CLIENT ? 0 : 1) == reply;
	struct tcp_end *sender = &state->tcp_ends[direction & 1];
	struct tcp_end *receiver = &state->tcp_ends[!direction];
	__u32 acknowledgment;
	__u8 event, old, next;

	if (packet->headers.fragment == FRAGMENT_LATER)
		return TRACK_OK;
	if (!packet->tcp.whole || !tcp_flags_are_valid(packet->tcp.flags))
		return TRACK_INVALID;
	event = tcp_event_of(packet->tcp.flags);
	old = state->tcp_state;
	next = tcp_next_state(direction, event, old);

	if (next == TCP_STATE_SYN_SENT && old >= TCP_STATE_TIME_WAIT) {
		/* A closed connection is opened again; after a reset by the other side only when
		 * that side answers. */
		if (state->status & FLOW_CLOSING ||
		    (same_direction && state->tcp_last_event == TCP_EVENT_RST))
			return TRACK_NEW;
		next = TCP_IGNORE;
	}
	if (next == TCP_IGNORE) {
		if (event != TCP_EVENT_SYN_ACK || state->tcp_last_event != TCP_EVENT_SYN ||
		    same_direction || packet->tcp.acknowledgment != state->tcp_last_end)
			return track_ignored(packet, state, event, direction);
		tcp_synchronise(state, receiver, sender);
		old = TCP_STATE_SYN_SENT;
		next = TCP_STATE_SYN_RECEIVED;
	} else if (next == TCP_STATE_TIME_WAIT && old == TCP_STATE_LAST_ACK) {
		/* Not the last acknowledgment, but the challenge to a SYN that was let through. */
		if (event == TCP_EVENT_ACK && !same_direction &&
		    state->tcp_last_event == TCP_EVENT_SYN &&
		    state->tcp_flags & TCP_FLOW_EXPECTS_CHALLENGE) {
			state->tcp_flags &= ~TCP_FLOW_EXPECTS_CHALLENGE;
			return TRACK_OK;
		}
	} else if (next == TCP_STATE_SYN_SENT_BOTH) {
		state->tcp_flags |= TCP_FLOW_SIMULTANEOUS_OPEN;
	} else if (next == TCP_STATE_SYN_RECEIVED) {
		if (reply && event == TCP_EVENT_ACK &&
		    state->tcp_flags & TCP_FLOW_SIMULTANEOUS_OPEN)
			next = TCP_STATE_ESTABLISHED;
	} else if (next == TCP_STATE_CLOSED && event == TCP_EVENT_RST) {
		next = tcp_judge_reset(state, receiver, &packet->tcp, same_direction);
	}
	if (next == TCP_INVALID)
		return TRACK_INVALID;
	acknowledgment = tcp_note_sequence(sender, receiver, &packet->tcp);
	if (event == TCP_EVENT_ACK)
		tcp_note_segment(state, &packet->tcp, acknowledgment, same_direction);
	tcp_note_last(state, event, direction);
	state->tcp_state = next;
	if (next == TCP_STATE_FIN_WAIT && old != next)
		state->status |= FLOW_CLOSING;
	if (state->status & FLOW_SEEN_REPLY) {
		if (next == TCP_STATE_ESTABLISHED &&
		    (old == TCP_STATE_SYN_RECEIVED || old == TCP_STATE_ESTABLISHED))
			state->status |= FLOW_ASSURED;
	} else if (event == TCP_EVENT_RST) {
		/* Refused, or given up before an answer: nothing is left of it. */
		state->expires = packet->now;
		return TRACK_OK;
	} else if (event == TCP_EVENT_SYN && old == TCP_STATE_SYN_SENT) {
		/* A SYN sent again and again does not keep a flow. */
		return TRACK_OK;
	}
	state->expires = packet->now + tcp_timeout(state);
	if (reply)
		state->status |= FLOW_SEEN_REPLY;
	return TRACK_OK;
}

static __always_inline int start_tcp(struct packet *packet, struct flow *flow)
{
	__u32 acknowledgment;

	if (!packet->tcp.whole || !tcp_flags_are_valid(packet->tcp.flags))
		return 0;
	flow->tcp_last_event = tcp_event_of(packet->tcp.flags);
	flow->status = FLOW_LAST_FROM_CLIENT;
	flow->tcp_state = tcp_next_state(TCP_FROM_CLIENT, flow->tcp_last_event, TCP_STATE_NONE);
	if (flow->tcp_state >= TCP_STATE_COUNT)
		return 0;
	if (flow->tcp_state != TCP_STATE_SYN_SENT &&
	    !(settings_of(packet)->flags & SETTING_TCP_LOOSE))
		return 0;
	acknowledgment = tcp_note_sequence(&flow->tcp_ends[0], &flow->tcp_ends[1], &packet->tcp);
	if (flow->tcp_last_event == TCP_EVENT_ACK)
		tcp_note_segment(flow, &packet->tcp, acknowledgment, 1);
	flow->expires = packet->now + tcp_timeout(flow);
	return 1;
}
