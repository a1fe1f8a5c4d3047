/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Datagrams in fragments. Only the first fragment carries ports and headers; what it decides is kept
 * for those that come after it, for each hook apart, because the addresses may differ from hook to
 * hook. Only the last tells how long the datagram is and whether its checksum is right: what the
 * datagram does to its flow is done when that has come, as it is in netfilter, which puts it
 * together first (net/ipv4/ip_fragment.c, net/ipv6/netfilter/nf_conntrack_reasm.c). Of fragments that
 * overtake their first one nobody knows where they belong: they wait for it where the last one, which
 * tells how many they are, comes before all others, and else are counted only.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/in.h>

#include <bpf/bpf_helpers.h>

#include "checksum.bpf.h"
#include "frame.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "sctp_checksum.bpf.h"
#include "tcp_state.bpf.h"
#include "translate.bpf.h"
#include "verify.bpf.h"
#include "verified_once.bpf.h"

#define DATAGRAM_MAX 65535

static __always_inline void fragment_key_of(struct fragment_key *key, const struct packet *packet)
{
	key->source = packet->tuple.source;
	key->destination = packet->tuple.destination;
	key->identification = packet->headers.identification;
	/* In IPv6 the later ones do not say it. */
	key->protocol = packet->tuple.family == FAMILY_IPV4 ? packet->tuple.protocol : 0;
	key->family = packet->tuple.family;
	key->program = packet->trace.program;
	key->zero = 0;
}

/* Once in its life a packet does something to a flow: where it comes in, or is made. */
static __always_inline int fragments_are_counted(const struct packet *packet)
{
	return packet->trace.program == PROGRAM_TC_INGRESS || packet->host_origin;
}

/* Nobody asks about checksums of what the node itself sends. */
static __always_inline int fragments_are_summed(frame_t *frame, const struct packet *packet)
{
	return packet->trace.program == PROGRAM_TC_INGRESS && !packet->portless &&
	       !frame_sum_is_vouched_for(frame);
}

/* The bytes of a fragment, from the transport header on. CRCs are made in order only. */
static __always_inline void fragment_sum(frame_t *frame, const struct headers *headers,
					 struct fragmented *datagram, int sctp, int in_order)
{
	int first = headers->fragment == FRAGMENT_FIRST;
	__u32 at = first ? headers->transport : headers->share;

	if (!sctp)
		datagram->sum = sum_frame(frame, at, headers->end - at, datagram->sum);
	else if (in_order)
		datagram->sum = crc32c_frame(frame, at, headers->end - at,
					     first ? ~0u : datagram->sum, first);
	else
		datagram->flags |= FRAGMENTS_UNSUMMED;
}

#define CONGESTION_NOT_CAPABLE (1 << 0)
#define CONGESTION_EXPERIENCED (1 << 3)

/* Senders do not mix fragments that can and cannot tell of congestion (ip_frag_ecn_table). */
static __always_inline int congestion_is_contradicted(const struct fragmented *datagram)
{
	return datagram->congestion & CONGESTION_NOT_CAPABLE &&
	       datagram->congestion & ~CONGESTION_NOT_CAPABLE;
}

static __always_inline void fragment_spoil(struct fragmented *datagram)
{
	datagram->course = FRAGMENTS_REFUSED;
	datagram->flags |= FRAGMENTS_SPOILT;
}

enum run_relation {
	RUN_APART = 0,
	RUN_REPEATS, /* what is there */
	RUN_CONTRADICTS,
};

VERIFIED_ONCE int run_relation(const struct fragmented *datagram, __u32 begin, __u32 end)
{
	if (!datagram)
		return RUN_CONTRADICTS;
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		const struct fragment_run *run = &datagram->runs[i];

		if (begin >= run->begin && end <= run->end)
			return RUN_REPEATS;
		if (begin < run->end && end > run->begin)
			return RUN_CONTRADICTS;
	}
	return RUN_APART;
}

/* The run that ends where another begins goes. Says where it began; without one, where the other
 * does. */
VERIFIED_ONCE __u32 run_take_before(struct fragmented *datagram, __u32 begin)
{
	if (!datagram)
		return begin;
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		struct fragment_run *run = &datagram->runs[i];
		__u32 its_begin = run->begin;

		if (its_begin == run->end || run->end != begin)
			continue;
		run->begin = run->end = 0;
		return its_begin;
	}
	return begin;
}

/* Likewise the one behind it. */
VERIFIED_ONCE __u32 run_take_after(struct fragmented *datagram, __u32 end)
{
	if (!datagram)
		return end;
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		struct fragment_run *run = &datagram->runs[i];
		__u32 its_end = run->end;

		if (run->begin == its_end || run->begin != end)
			continue;
		run->begin = run->end = 0;
		return its_end;
	}
	return end;
}

/* 0 where there is no room. */
VERIFIED_ONCE int run_place(struct fragmented *datagram, __u32 begin, __u32 end)
{
	if (!datagram)
		return 0;
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		struct fragment_run *run = &datagram->runs[i];

		if (run->begin != run->end)
			continue;
		run->begin = begin;
		run->end = end;
		return 1;
	}
	return 0;
}

/* It is apart from what is there, and so has one neighbour at most on either side. */
static __always_inline int run_add(struct fragmented *datagram, __u32 begin, __u32 end)
{
	begin = run_take_before(datagram, begin);
	end = run_take_after(datagram, end);
	if (!begin)
		datagram->front = end;
	return run_place(datagram, begin, end);
}

VERIFIED_ONCE int ends_behind(const struct fragmented *datagram, __u32 end)
{
	if (!datagram)
		return 1;
	for (int i = 0; i < FRAGMENT_RUNS; i++) {
		if (datagram->runs[i].end > end)
			return 1;
	}
	return 0;
}

/* Whether its end is not where others say that it is, or are themselves. */
static __always_inline int end_is_contradicted(const struct headers *headers,
					       const struct fragmented *datagram, __u32 end)
{
	if (datagram->length)
		return headers->more_fragments ? end > datagram->length : end != datagram->length;
	return !headers->more_fragments && ends_behind(datagram, end);
}

/* In IPv6 those before it wait on (nf_ct_frag6_queue()). */
static __always_inline int fragment_refuse(struct packet *packet)
{
	if (packet->tuple.family == FAMILY_IPV4)
		fragment_spoil(&packet->fragments);
	return 0;
}

/* Counts it. 0 where it repeats what is there, or contradicts it: then all is spoilt. */
VERIFIED_ONCE int fragment_count(struct packet *packet)
{
	const struct headers *headers;
	struct fragmented *datagram;
	__u32 begin, end, length;
	int relation;

	if (!packet)
		return 0;
	headers = &packet->headers;
	datagram = &packet->fragments;
	begin = headers->share_at;
	length = headers->end - headers->share;
	end = begin + length;

	if (end > DATAGRAM_MAX || (headers->more_fragments && length % 8) ||
	    end_is_contradicted(headers, datagram, end))
		return fragment_refuse(packet);
	/* What repeats another, or has no bytes, counts for where it ends. */
	if (!headers->more_fragments)
		datagram->length = end;
	if (!length)
		return fragment_refuse(packet);
	relation = run_relation(datagram, begin, end);
	if (relation == RUN_REPEATS)
		return 0;
	if (relation == RUN_CONTRADICTS || !run_add(datagram, begin, end)) {
		fragment_spoil(datagram);
		return 0;
	}
	if (headers->end - headers->network > datagram->largest)
		datagram->largest = headers->end - headers->network;
	datagram->congestion |= 1 << (headers->tos & 3);
	return 1;
}

/* What the first one said of the transport header, for the last to be judged by. */
static __always_inline void fragment_restore_tcp(struct packet *packet)
{
	const struct fragmented *datagram = &packet->fragments;
	struct tcp_segment *tcp = &packet->tcp;

	tcp->whole = datagram->tcp_header_length != 0;
	tcp->sequence = datagram->tcp_sequence;
	tcp->acknowledgment = datagram->tcp_acknowledgment;
	tcp->highest_acknowledgment = datagram->tcp_highest_acknowledgment;
	tcp->window = datagram->tcp_window;
	tcp->flags = datagram->tcp_flags;
	tcp->header_length = datagram->tcp_header_length;
	tcp->scale = datagram->tcp_scale;
	tcp->offers = datagram->tcp_offers;
}

static __always_inline void fragment_measure_tcp(struct packet *packet)
{
	const struct fragmented *datagram = &packet->fragments;
	struct tcp_segment *tcp = &packet->tcp;

	tcp->payload_length = datagram->length - datagram->extensions - tcp->header_length +
			      !!(tcp->flags & TCP_SYN) + !!(tcp->flags & TCP_FIN);
}

static __always_inline void fragment_note_header(frame_t *frame, struct packet *packet)
{
	const struct headers *headers = &packet->headers;
	struct fragmented *datagram = &packet->fragments;
	struct {
		__be16 length;
		__be16 checksum;
	} udp;

	datagram->extensions = headers->transport - headers->share;
	if (packet->tuple.protocol == IPPROTO_UDP &&
	    !frame_load(frame, headers->transport + 4, &udp, sizeof(udp))) {
		datagram->udp_length = bpf_ntohs(udp.length);
		if (!udp.checksum)
			datagram->flags |= FRAGMENTS_WITHOUT_CHECKSUM;
	}
	if (packet->tuple.protocol == IPPROTO_SCTP &&
	    frame_load(frame, headers->transport + SCTP_CHECKSUM, &datagram->checksum,
		       sizeof(datagram->checksum)))
		datagram->flags |= FRAGMENTS_UNSUMMED;
}

/* Its first fragment went no further than to its flow. What SCTP's chunks do there is not known. */
static __always_inline int fragment_completes_refused(const struct packet *packet)
{
	return packet->whole && packet->tuple.protocol != IPPROTO_SCTP &&
	       !(packet->fragments.flags & (FRAGMENTS_SPOILT | FRAGMENTS_BROKEN));
}

static __always_inline int fragment_course(struct packet *packet)
{
	const struct fragmented *datagram = &packet->fragments;

	switch (datagram->course) {
	case FRAGMENTS_UNDECIDED:
		/* Connection tracking asks for checksums also of what it leaves alone. */
		return packet->whole && datagram_is_broken(packet) ? PARSE_INVALID_FRAGMENT
								   : PARSE_UNKNOWN_FRAGMENT;
	case FRAGMENTS_INVALID:
	case FRAGMENTS_REFUSED:
		packet->only_tracked = fragment_completes_refused(packet);
		if (packet->only_tracked)
			break;
		return datagram->course == FRAGMENTS_INVALID ? PARSE_INVALID_FRAGMENT
							     : PARSE_REFUSED_FRAGMENT;
	case FRAGMENTS_HELD:
		return PARSE_HELD_FRAGMENT;
	default:
		break;
	}
	packet->tuple.source_port = datagram->source_port;
	packet->tuple.destination_port = datagram->destination_port;
	packet->tracked = 1;
	fragment_restore_tcp(packet);
	return PARSE_OK;
}

/* Behind this hook, what is too long for its link is cut again; through lo all goes that has room here. */
static __always_inline int can_be_sent_whole(const struct packet *packet)
{
	return packet->trace.program == PROGRAM_TC_INGRESS ||
	       (packet->host_origin && packet->ifindex == LOOPBACK_IFINDEX);
}

/* The last fragment, which has come before all others: the datagram can be put together. */
static __always_inline int may_wait_for_first(const struct packet *packet)
{
	const struct headers *headers = &packet->headers;

	return can_be_sent_whole(packet) && packet->tuple.family == FAMILY_IPV4 &&
	       !headers->dont_fragment && headers->fragment == FRAGMENT_LATER &&
	       !headers->more_fragments && packet->fragments.length <= HELD_MAX;
}

/* What its datagram makes of it. */
static __always_inline int fragment_result(struct packet *packet)
{
	if (packet->headers.fragment == FRAGMENT_FIRST &&
	    packet->fragments.course != FRAGMENTS_HELD)
		return PARSE_OK;
	return fragment_course(packet);
}

/* In IPv6, extension headers may lead to the transport header, and only the first one has those. Of two
 * first ones the second is refused, whatever it says. */
static __always_inline void fragment_share_protocol(struct packet *packet,
						    struct fragmented *datagram)
{
	if (packet->headers.fragment == FRAGMENT_FIRST && !datagram->protocol) {
		datagram->protocol = packet->tuple.protocol;
		datagram->portless = packet->portless;
		datagram->ttl = packet->headers.ttl;
	} else if (datagram->protocol) {
		packet->tuple.protocol = datagram->protocol;
		packet->portless = datagram->portless;
	}
}

/* What is put together has that of the first. */
static __always_inline long fragment_share_ttl(frame_t *frame, struct packet *packet)
{
	const struct fragmented *datagram = &packet->fragments;
	struct headers *headers = &packet->headers;

	if (headers->fragment != FRAGMENT_LATER || !datagram->protocol ||
	    headers->ttl == datagram->ttl)
		return 0;
	if (change_ttl(frame, packet, datagram->ttl - headers->ttl))
		return -1;
	headers->ttl = datagram->ttl;
	return 0;
}

/* It looks like a first fragment and is none: those behind it wait for another one in vain. */
VERIFIED_ONCE int fragment_expect_none(void)
{
	struct packet *packet = this_packet();
	const struct fragmented *known;
	struct fragment_key key;

	if (!packet)
		return 0;
	fragment_key_of(&key, packet);
	known = bpf_map_lookup_elem(&fragments, &key);
	if (known && packet->now < known->expires)
		return 0;
	__builtin_memset(&packet->fragments, 0, sizeof(packet->fragments));
	packet->fragments.expires = packet->now + fragment_lifetime(packet);
	packet->fragments.course = FRAGMENTS_REFUSED;
	bpf_map_update_elem(&fragments, &key, &packet->fragments, BPF_ANY);
	return 0;
}

/* A fragment, parsed as far as it goes, joins its datagram: `packet->fragments`. */
#define fragment_join BY_FRAME(fragment_join)
VERIFIED_ONCE int fragment_join(frame_t *frame)
{
	struct packet *packet = this_packet();
	const struct fragmented *known;
	struct fragmented *datagram;
	struct headers *headers;
	struct fragment_key key;
	int first, in_order, result, fresh = 0;

	if (!packet)
		return PARSE_MALFORMED;
	headers = &packet->headers;
	datagram = &packet->fragments;
	first = headers->fragment == FRAGMENT_FIRST;
	fragment_key_of(&key, packet);
	known = bpf_map_lookup_elem(&fragments, &key);
	/* Where nobody counts, an earlier datagram of that identification may still be there. */
	if (known && packet->now < known->expires && (!first || fragments_are_counted(packet))) {
		__builtin_memcpy(datagram, known, sizeof(*datagram));
	} else {
		__builtin_memset(datagram, 0, sizeof(*datagram));
		datagram->expires = packet->now + fragment_lifetime(packet);
		fresh = 1;
	}
	fragment_share_protocol(packet, datagram);
	if (!fragments_are_counted(packet))
		return fragment_result(packet);

	in_order = headers->share_at == datagram->front;
	if (!fragment_count(packet)) {
		bpf_map_update_elem(&fragments, &key, datagram, BPF_ANY);
		return PARSE_REFUSED_FRAGMENT;
	}
	if (fragment_share_ttl(frame, packet))
		return PARSE_REFUSED_FRAGMENT;
	if (first)
		fragment_note_header(frame, packet);
	if (fragments_are_summed(frame, packet))
		fragment_sum(frame, headers, datagram, packet->tuple.protocol == IPPROTO_SCTP,
			     in_order);
	else
		datagram->flags |= FRAGMENTS_UNSUMMED;
	packet->whole = datagram->length && datagram->front == datagram->length;
	if (fresh && may_wait_for_first(packet)) {
		datagram->course = FRAGMENTS_HELD;
		packet->waits_for_first = 1;
	}
	result = fragment_result(packet);
	if (packet->whole && congestion_is_contradicted(datagram))
		result = PARSE_REFUSED_FRAGMENT;
	if (packet->whole)
		bpf_map_delete_elem(&fragments, &key);
	else
		bpf_map_update_elem(&fragments, &key, datagram, BPF_ANY);
	if (packet->whole)
		fragment_measure_tcp(packet);
	return result;
}

static __always_inline __u8 course_of_first(const struct packet *packet)
{
	if (packet->held)
		return FRAGMENTS_HELD;
	if (packet->trace.verdict == VERDICT_DROP || packet->trace.reason == REASON_REJECTED)
		return FRAGMENTS_REFUSED;
	if (packet->trace.reason == PASS_INVALID)
		return FRAGMENTS_INVALID;
	if (packet->trace.reason == REASON_NEW_FLOW ||
	    packet->trace.reason == REASON_NEW_DIRECT_FLOW)
		return FRAGMENTS_BEGIN;
	return FRAGMENTS_FOLLOW;
}

/* Where `state`, of the flow, is what the chunks of the first fragment make of it. */
static __always_inline void fragment_note_sctp(const struct packet *packet,
					       const struct flow *state,
					       struct fragmented *datagram)
{
	const struct sctp_walk *walk = &packet->sctp_walk;

	datagram->sctp_state = state->sctp_state;
	datagram->sctp_flags = state->sctp_flags;
	datagram->sctp_tags[0] = state->sctp_tags[0];
	datagram->sctp_tags[1] = state->sctp_tags[1];
	datagram->sctp_end = walk->at - packet->headers.transport;
	datagram->sctp_seconds = walk->keeps_time ? 0 : (state->expires - packet->now) / 1000000000;
}

/* The first one has been decided on. */
static __always_inline void fragment_decide(struct packet *packet)
{
	struct fragmented *datagram = &packet->fragments;
	const struct tcp_segment *tcp = &packet->tcp;
	struct fragment_key key;

	datagram->course = course_of_first(packet);
	if (packet->broken)
		datagram->flags |= FRAGMENTS_BROKEN;
	datagram->source_port = packet->tuple.source_port;
	datagram->destination_port = packet->tuple.destination_port;
	if (packet->tuple.protocol == IPPROTO_TCP && tcp->whole) {
		datagram->tcp_sequence = tcp->sequence;
		datagram->tcp_acknowledgment = tcp->acknowledgment;
		datagram->tcp_highest_acknowledgment = tcp->highest_acknowledgment;
		datagram->tcp_window = tcp->window;
		datagram->tcp_flags = tcp->flags;
		datagram->tcp_header_length = tcp->header_length;
		datagram->tcp_scale = tcp->scale;
		datagram->tcp_offers = tcp->offers;
	}
	if (packet->tuple.protocol == IPPROTO_SCTP)
		fragment_note_sctp(packet,
				   datagram->course == FRAGMENTS_BEGIN ? &packet->flow
								       : &packet->leaving,
				   datagram);
	fragment_key_of(&key, packet);
	bpf_map_update_elem(&fragments, &key, datagram, BPF_ANY);
}
