/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Puts a datagram together where it is to be answered with an ICMP error: netfilter, and the stack
 * behind it, see it whole, answer once, and quote all of it. Likewise one whose first fragment tells
 * too little, since it ends inside the transport header or is of an ICMP error; one whose last
 * fragment comes before all others, and nobody knows what to do with it yet; and SCTP of the node's
 * own that is to have its checksum made anew (whole_sctp.bpf.h). Its bytes wait in a map; the fragment
 * that completes it becomes the datagram and comes to the same hook again. So does an IPv6 packet in a
 * single fragment, whose fragment header netfilter takes off. Longer datagrams than there is room for
 * are lost.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "fold.bpf.h"
#include "fragments.bpf.h"
#include "frame.bpf.h"
#include "maps.bpf.h"
#include "note.bpf.h"
#include "outcome.bpf.h"
#include "packet.bpf.h"
#include "parse.bpf.h"
#include "verified_once.bpf.h"

/* Whether this packet is not what netfilter would tell anybody about, but the datagram is yet to
 * come of which it is part. */
static __always_inline int is_in_fragments(const struct packet *packet)
{
	return (packet->headers.fragment == FRAGMENT_FIRST && !packet->whole) ||
	       (packet->headers.fragment == FRAGMENT_NONE && packet->headers.fragment_header);
}

/* A first fragment that ends before a transport header does which may be a service's, or that is all
 * there is of an ICMP error: what it calls for, only the whole tells. Where that cannot be put
 * together, since some of it went by before, it is lost. */
static __always_inline int tells_too_little(const struct packet *packet)
{
	if (packet->headers.fragment != FRAGMENT_FIRST || packet->tracked || packet->broken)
		return 0;
	return packet->headers.chain_broken || has_port_numbers(&packet->tuple) ||
	       (packet->icmp_class == ICMP_CLASS_ERROR && packet->error == ERROR_NONE);
}

static __always_inline int hold(struct packet *packet)
{
	packet->held = 1;
	return drop(packet, DROP_HELD);
}

/* At egress not as refused: the stack would send no other fragment of the datagram (ip_do_fragment()). */
static __always_inline int keep_waiting(struct packet *packet)
{
	int action = drop(packet, DROP_HELD);

	return packet->trace.program == PROGRAM_TC_EGRESS ? TC_ACT_STOLEN : action;
}

/* Bytes of the frame, 1 to HELD_MAX of them, to a place in the datagram. */
static __always_inline long hold_bytes(struct __sk_buff *skb, __u32 from, __u32 length,
				       struct held *held, __u32 at)
{
	if (!length || length > HELD_MAX || at >= HELD_MAX)
		return -1;
	return bpf_skb_load_bytes(skb, from, &held->bytes[below(at, HELD_MAX)],
				  below(length - 1, HELD_MAX) + 1);
}

/* The IP header, without IPv6's fragment header. */
static __always_inline long hold_header(struct __sk_buff *skb, const struct headers *headers,
					struct held *held)
{
	__u32 end = headers->fragment_header ? headers->fragment_header : headers->share;
	__u32 named_at;

	held->header_length = end - headers->network;
	if (!held->header_length || held->header_length > HELD_HEADER_MAX ||
	    bpf_skb_load_bytes(skb, headers->network, held->header,
			       below(held->header_length - 1, HELD_HEADER_MAX) + 1))
		return -1;
	if (!headers->fragment_header)
		return 0;
	named_at = headers->fragment_header_named_at - headers->network;
	held->named_at = named_at;
	held->first_length = headers->end - headers->share;
	return bpf_skb_load_bytes(skb, headers->fragment_header,
				  &held->header[below(named_at, HELD_HEADER_MAX)], 1);
}

/* The datagram's lengths, and no fragment any more. Congestion that one fragment has met all have. */
static __always_inline void hold_finish_header(const struct packet *packet, struct held *held,
					       __u32 total)
{
	struct iphdr *ip = (struct iphdr *)held->header;
	struct ipv6hdr *ipv6 = (struct ipv6hdr *)held->header;
	int congested = packet->headers.fragment != FRAGMENT_NONE &&
			packet->fragments.congestion & CONGESTION_EXPERIENCED;

	if (packet->tuple.family == FAMILY_IPV6) {
		if (congested)
			ipv6->flow_lbl[0] |= 3 << 4;
		ipv6->payload_len = bpf_htons(total - sizeof(*ipv6));
		return;
	}
	if (congested)
		ip->tos |= 3;
	ip->tot_len = bpf_htons(total);
	ip->frag_off = packet->headers.dont_fragment ? bpf_htons(IPV4_DONT_FRAGMENT) : 0;
	ip->check = 0;
	ip->check = ~fold(
		bpf_csum_diff(0, 0, (__be32 *)held->header, below(held->header_length, 64), 0));
}

/* The fragment at hand becomes the datagram. */
static __always_inline long become_whole(struct __sk_buff *skb, const struct packet *packet,
					 struct held *held, __u32 length)
{
	__u32 header = held->header_length, total = header + length;

	if (header < sizeof(struct iphdr) || !length || length > HELD_MAX)
		return -1;
	hold_finish_header(packet, held, total);
	/* Not in front: there would be no shortening what then is behind the transport header. */
	if (bpf_skb_change_tail(skb, packet->headers.network + total, 0))
		return -1;
	return frame_store_uncovered(skb, packet->headers.network, held->header,
				     below(header - 1, HELD_HEADER_MAX) + 1) |
	       frame_store_uncovered(skb, packet->headers.network + header, held->bytes,
				     below(length - 1, HELD_MAX) + 1);
}

static __always_inline struct held *held_begin(const struct fragment_key *key)
{
	__u32 zero = 0;
	const struct held *beginning = bpf_map_lookup_elem(&held_beginnings, &zero);

	if (!beginning || bpf_map_update_elem(&held_datagrams, key, beginning, BPF_ANY))
		return 0;
	return bpf_map_lookup_elem(&held_datagrams, key);
}

static __always_inline void note_reassembled(struct __sk_buff *skb, const struct held *held,
					     __u32 length, __u32 largest)
{
	struct first_piece piece = {};

	if (held->first_length < length && held->header_length < 256) {
		piece.length = held->first_length;
		piece.header_length = held->header_length;
		piece.named_at = held->named_at;
	}
	set_note(skb, NOTE_REASSEMBLED, largest);
	set_note_first_piece(skb, &piece);
}

VERIFIED_ONCE int hold_fragment(struct __sk_buff *skb)
{
	struct packet *packet = this_packet();
	const struct headers *headers;
	struct fragment_key key;
	struct held *held;
	__u32 length, largest;
	int begins, error;

	if (!packet)
		return ACTION_DROP;
	headers = &packet->headers;
	fragment_key_of(&key, packet);
	begins =
		headers->fragment == FRAGMENT_NONE || packet->waits_for_first ||
		(headers->fragment == FRAGMENT_FIRST && packet->fragments.course != FRAGMENTS_HELD);
	held = begins ? held_begin(&key) : bpf_map_lookup_elem(&held_datagrams, &key);
	if (!held || (headers->fragment != FRAGMENT_LATER && hold_header(skb, headers, held)) ||
	    hold_bytes(skb, headers->share, headers->end - headers->share, held, headers->share_at))
		return drop(packet, DROP_HELD);
	held->length += headers->end - headers->share;
	if (headers->fragment != FRAGMENT_NONE && !packet->whole)
		return keep_waiting(packet);
	length = headers->end - headers->share;
	largest = headers->end - headers->network;
	if (headers->fragment != FRAGMENT_NONE) {
		length = packet->fragments.length;
		largest = packet->fragments.largest;
	}
	/* Unless some of it went by before the first. */
	error = held->length != length || become_whole(skb, packet, held, length);
	note_reassembled(skb, held, length, largest);
	bpf_map_delete_elem(&held_datagrams, &key);
	if (error)
		return drop(packet, DROP_REWRITE);
	if (packet->trace.program == PROGRAM_TC_EGRESS)
		return redirected(packet, REASON_REASSEMBLED, REDIRECT_EGRESS, packet->ifindex,
				  bpf_redirect(packet->ifindex, 0));
	return redirected(packet, REASON_REASSEMBLED, REDIRECT_INGRESS, packet->ifindex,
			  bpf_redirect(packet->ifindex, BPF_F_INGRESS));
}
