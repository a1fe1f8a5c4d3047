/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One TCP segment and the connection that it belongs to: nf_conntrack_tcp_packet()
 * (net/netfilter/nf_conntrack_proto_tcp.c).
 */
#pragma once

#include "frame.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "seams.bpf.h"
#include "tcp_state.bpf.h"
#include "tcp_window.bpf.h"
#include "verified_once.bpf.h"

/* How far a reset is believed. */
enum tcp_reset {
	TCP_RESET_CHECKED = 0, /* if it lies in the window */
	TCP_RESET_BELIEVED,
	TCP_RESET_CHALLENGED, /* if it lies in the window, and the state stays */
	TCP_RESET_CHALLENGED_BELIEVED,
	TCP_RESET_INVALID,
};

static __always_inline void tcp_note_last(struct flow *state, __u8 event, __u8 direction)
{
	state->tcp_last_event = event;
	if (direction == TCP_FROM_CLIENT)
		state->status |= FLOW_LAST_FROM_CLIENT;
	else
		state->status &= ~FLOW_LAST_FROM_CLIENT;
}

/* A closing connection's tuple may be in use again: nothing known of it can be relied on. An
 * established one ends only with the number that the other side waits for: any other is answered by
 * a challenge (RFC 5961), or by nothing. */
VERIFIED_ONCE int tcp_judge_reset(const struct flow *state, const struct tcp_segment *segment,
				  int reply, int same_direction)
{
	int assured, established, believed = 0, challenged = 0;
	const struct tcp_end *receiver;
	__u8 last;

	if (!state || !segment)
		return TCP_RESET_INVALID;
	receiver = &state->tcp_ends[reply ? 0 : 1];
	assured = !!(state->status & FLOW_ASSURED);
	established = state->tcp_state == TCP_STATE_ESTABLISHED && assured;
	last = state->tcp_last_event;
	if (state->tcp_state >= TCP_STATE_FIN_WAIT && state->tcp_state <= TCP_STATE_CLOSED)
		return TCP_RESET_BELIEVED;
	if (receiver->flags & TCP_END_HAS_ACKNOWLEDGED && last != TCP_EVENT_SYN) {
		if (!segment->sequence && !established)
			return TCP_RESET_CHECKED;
		if (is_before(segment->sequence, receiver->acknowledged))
			return TCP_RESET_INVALID;
		if (!established || segment->sequence == receiver->acknowledged)
			return TCP_RESET_CHECKED;
		/* Right behind the data that its sender has just sent. */
		if (last == TCP_EVENT_ACK && same_direction &&
		    segment->sequence == state->tcp_last_end)
			return TCP_RESET_CHECKED;
		challenged = 1;
	}
	/* It answers what was let through; or, by acknowledging nothing, the other side's SYN in a
	 * simultaneous open, of which no end is noted. */
	if (((state->status & FLOW_SEEN_REPLY && last == TCP_EVENT_SYN && !same_direction) ||
	     (!assured && last == TCP_EVENT_ACK)) &&
	    segment->acknowledgment == state->tcp_last_end)
		believed = 1;
	if (state->tcp_state == TCP_STATE_SYN_SENT && last == TCP_EVENT_ACK &&
	    !(state->status & FLOW_LAST_FROM_CLIENT) &&
	    segment->sequence == state->tcp_last_acknowledgment)
		believed = 1;
	if (challenged)
		return believed ? TCP_RESET_CHALLENGED_BELIEVED : TCP_RESET_CHALLENGED;
	return believed ? TCP_RESET_BELIEVED : TCP_RESET_CHECKED;
}

static __always_inline __u32 tcp_state_timeout(const struct packet *packet, __u8 state)
{
	if (state == TCP_STATE_ESTABLISHED)
		return settings_of(packet)->tcp_established_timeout;
	if (state == TCP_STATE_CLOSE_WAIT)
		return settings_of(packet)->tcp_close_wait_timeout;
	return tcp_timeouts[state & 15];
}

static __always_inline __u64 tcp_timeout(const struct packet *packet, const struct flow *state)
{
	__u32 seconds = tcp_state_timeout(packet, state->tcp_state);
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
VERIFIED_ONCE int tcp_track_ignored(const struct tcp_segment *segment, struct flow *state,
				    __u8 event, __u8 direction)
{
	if (!segment || !state)
		return TRACK_INVALID;
	tcp_note_last(state, event, direction);
	state->tcp_last_sequence = segment->sequence;
	state->tcp_last_end = tcp_segment_end(segment);
	state->tcp_last_window = segment->window;
	if (event == TCP_EVENT_SYN && direction == TCP_FROM_CLIENT) {
		state->tcp_flags = 0;
		state->tcp_last_scale = segment->scale;
		if (segment->offers & TCP_END_SCALES)
			state->tcp_flags |= TCP_FLOW_LAST_SCALES;
		if (segment->offers & TCP_END_SELECTIVE)
			state->tcp_flags |= TCP_FLOW_LAST_SELECTIVE;
		if (state->tcp_state == TCP_STATE_LAST_ACK)
			state->tcp_flags |= TCP_FLOW_EXPECTS_CHALLENGE;
	}
	if (state->tcp_state == TCP_STATE_SYN_SENT && event == TCP_EVENT_ACK &&
	    direction == TCP_FROM_SERVER)
		state->tcp_last_acknowledgment = segment->acknowledgment;
	return TRACK_OK;
}

/* The answer to a SYN that was let through: the ends are in step, and it was us who were not. */
static __always_inline void tcp_synchronise(struct flow *state, struct tcp_end *opener,
					    struct tcp_end *other)
{
	__u8 liberal = other->flags & TCP_END_LIBERAL;

	state->status &= ~FLOW_CLOSING;
	opener->end = opener->end_max = state->tcp_last_end;
	opener->window_max = at_least(state->tcp_last_window, 1);
	opener->scale = state->tcp_last_scale;
	opener->flags = 0;
	if (state->tcp_flags & TCP_FLOW_LAST_SCALES)
		opener->flags |= TCP_END_SCALES;
	if (state->tcp_flags & TCP_FLOW_LAST_SELECTIVE)
		opener->flags |= TCP_END_SELECTIVE;
	state->tcp_flags &= ~TCP_FLOW_EXPECTS_CHALLENGE;
	__builtin_memset(other, 0, sizeof(*other));
	other->flags = liberal;
	state->tcp_state = TCP_STATE_SYN_SENT;
}

/* An end that lies outside the window, of which the other side's did, too: both disagree with us,
 * and the flow is not kept for long. */
static __always_inline void tcp_note_invalid_end(struct packet *packet, struct flow *state,
						 __u8 event, __u8 direction, int same_direction)
{
	__u64 soon = packet->now + TCP_STALLED_TIMEOUT * SECOND;

	if (!(state->status & FLOW_ASSURED) || (event != TCP_EVENT_RST && event != TCP_EVENT_FIN))
		return;
	if (same_direction ||
	    (state->tcp_last_event != TCP_EVENT_FIN && state->tcp_last_event != TCP_EVENT_RST))
		tcp_note_last(state, event, direction);
	else if (state->expires > soon)
		state->expires = soon;
}

/* The state moves on. */
static __always_inline int tcp_move_on(struct packet *packet, struct flow *state, __u8 event,
				       __u8 direction, __u8 old, __u8 next)
{
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
		state->status |= FLOW_OVER;
		state->expires = packet->now + SECOND;
		return TRACK_OK;
	} else if (event == TCP_EVENT_SYN && old == TCP_STATE_SYN_SENT) {
		/* A SYN sent again and again does not keep a flow. */
		return TRACK_OK;
	}
	state->expires = packet->now + tcp_timeout(packet, state);
	return TRACK_OK;
}

static __always_inline int tcp_step(struct packet *packet, struct flow *state, int reply)
{
	__u8 direction = reply ? TCP_FROM_SERVER : TCP_FROM_CLIENT;
	int same_direction = (state->status & FLOW_LAST_FROM_CLIENT ? 0 : 1) == direction;
	struct tcp_end *sender = &state->tcp_ends[direction & 1];
	struct tcp_end *receiver = &state->tcp_ends[!direction];
	__u8 event = tcp_event_of(packet->tcp.flags);
	__u8 next = tcp_next_state(direction, event, state->tcp_state);
	int check = 1;

	if (next == TCP_STATE_SYN_SENT && state->tcp_state >= TCP_STATE_TIME_WAIT) {
		/* A closed connection is opened again; after a reset by the other side only when
		 * that side answers. */
		if (state->status & FLOW_CLOSING ||
		    (same_direction && state->tcp_last_event == TCP_EVENT_RST))
			return TRACK_NEW;
		next = TCP_IGNORE;
	}
	if (next == TCP_INVALID)
		return TRACK_INVALID;
	if (next == TCP_IGNORE) {
		if (event != TCP_EVENT_SYN_ACK || state->tcp_last_event != TCP_EVENT_SYN ||
		    same_direction || packet->tcp.acknowledgment != state->tcp_last_end)
			return tcp_track_ignored(&packet->tcp, state, event, direction);
		tcp_synchronise(state, receiver, sender);
		next = TCP_STATE_SYN_RECEIVED;
	} else if (next == TCP_STATE_TIME_WAIT && state->tcp_state == TCP_STATE_LAST_ACK) {
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
		int reset = tcp_judge_reset(state, &packet->tcp, reply, same_direction);

		if (reset == TCP_RESET_INVALID)
			return TRACK_INVALID;
		if (reset == TCP_RESET_CHALLENGED || reset == TCP_RESET_CHALLENGED_BELIEVED)
			next = state->tcp_state;
		check = reset != TCP_RESET_BELIEVED && reset != TCP_RESET_CHALLENGED_BELIEVED;
	}
	if (check) {
		int verdict = tcp_check_window(packet, state, reply, same_direction);

		if (verdict == TCP_WINDOW_INVALID) {
			tcp_note_invalid_end(packet, state, event, direction, same_direction);
			return TRACK_INVALID;
		}
		if (verdict == TCP_WINDOW_IGNORED)
			return TRACK_OK;
	}
	return tcp_move_on(packet, state, event, direction, state->tcp_state, next);
}

/* The first segment of a flow, as far as it says where its sender starts. 0: it may not be one. */
static __always_inline int tcp_begin(const struct packet *packet, struct flow *flow)
{
	const struct tcp_segment *segment = &packet->tcp;
	__u8 event = tcp_event_of(segment->flags);
	struct tcp_end *client = &flow->tcp_ends[0];

	flow->tcp_last_event = TCP_EVENT_NONE;
	client->end = client->end_max = tcp_segment_end(segment);
	client->window_max = at_least(segment->window, 1);
	if (event == TCP_EVENT_SYN) {
		tcp_take_offers(client, segment);
		return 1;
	}
	if (event != TCP_EVENT_ACK || !(settings_of(packet)->flags & SETTING_TCP_LOOSE))
		return 0;
	client->end_max += client->window_max;
	client->flags = flow->tcp_ends[1].flags = TCP_END_SELECTIVE | TCP_END_LIBERAL;
	return 1;
}

/* `starts`: no flow knows the segment, and `state`
 * is all zero but for its times. */
VERIFIED_ONCE int tcp_segment_track(struct packet *packet, struct flow *state, int reply,
				    int starts)
{
	int result;

	if (!packet || !state)
		return TRACK_INVALID;
	if (starts && !tcp_begin(packet, state))
		return TRACK_INVALID;
	result = tcp_step(packet, state, reply);
	if (result == TRACK_OK && reply)
		state->status |= FLOW_SEEN_REPLY;
	return result;
}

static __always_inline int tcp_may_be_tracked(frame_t *frame, struct packet *packet)
{
	if (!packet->tcp.whole || !tcp_flags_are_valid(packet->tcp.flags))
		return 0;
	/* What stood in the first fragment has been read from there. */
	if (packet->headers.fragment != FRAGMENT_LATER)
		tcp_read_options(frame, packet);
	return 1;
}

static __always_inline int track_tcp(frame_t *frame, struct packet *packet, struct flow *state,
				     int reply)
{
	if (!tcp_may_be_tracked(frame, packet))
		return TRACK_INVALID;
	return tcp_segment_track(packet, state, reply, 0);
}

static __always_inline int start_tcp(frame_t *frame, struct packet *packet, struct flow *flow)
{
	return tcp_may_be_tracked(frame, packet) &&
	       tcp_segment_track(packet, flow, 0, 1) == TRACK_OK;
}
