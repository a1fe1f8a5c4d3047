/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet that a program is working on: what parsing found, what was decided, and where the
 * programs keep what does not fit on their stack.
 */
#pragma once

#include <linux/types.h>

#include "config_abi.h"
#include "flow_abi.h"
#include "service_abi.h"
#include "trace_abi.h"
#include "tuple_abi.h"

enum fragment_kind {
	FRAGMENT_NONE = 0,
	FRAGMENT_FIRST,
	FRAGMENT_LATER, /* has no transport header */
};

/* Fragment headers behind the first. */
enum nested_fragment {
	NESTED_NONE = 0,
	NESTED_ATOMIC, /* the transport header may follow, though more fragments may, too */
	NESTED_LATER, /* its bytes belong to no header */
};

#define IPV4_FRAGMENT_LIFETIME (30ull * 1000000000) /* net.ipv4.ipfrag_time */
#define IPV6_FRAGMENT_LIFETIME (60ull * 1000000000) /* net.netfilter.nf_conntrack_frag6_timeout */

/* A network header and what follows it. Offsets are from the start of the frame. */
struct headers {
	__u32 network;
	__u32 transport;
	__u32 end; /* behind the last byte of the IP packet */
	__u32 identification;
	__u32 share; /* where a fragment's share of its datagram begins in the frame */
	__u32 share_at; /* and in the datagram */
	__u32 fragment_header; /* IPv6: where it stands; 0: there is none */
	__u32 fragment_header_named_at; /* and the field that says so */
	__u8 fragment; /* enum fragment_kind */
	__u8 more_fragments;
	__u8 chain_broken; /* IPv6: extension headers run past the end */
	__u8 nested_fragment; /* IPv6: enum nested_fragment */
	__u8 lone_first; /* IPv6: a first fragment that nothing is put together with */
	__u8 ttl;
	__u8 dont_fragment;
	__u8 tos; /* traffic class in IPv6 */
	__u8 hop_by_hop; /* IPv6: has options for every hop */
};

/* Of a datagram in IPv6 that was put together: what its first fragment was. */
struct first_piece {
	__u16 length; /* bytes behind its headers */
	__u8 header_length; /* ahead of the fragment header */
	__u8 named_at; /* the field that names that one */
};

struct tcp_segment {
	__u32 sequence;
	__u32 acknowledgment;
	__u32 highest_acknowledgment; /* selective ones counted */
	__u32 payload_length; /* with SYN and FIN counted; more than 65,535 where lo carries it */
	__u16 window;
	__u8 flags; /* byte 13 of the header */
	__u8 whole; /* its header is complete and well-formed */
	__u8 header_length;
	__u8 scale; /* offered by a SYN */
	__u8 offers; /* enum tcp_end_flag: what a SYN's options say */
	__u8 selective_read; /* selective acknowledgments have been found */
};

/* Where a walk over the IP options of a packet is. */
struct options_walk {
	__u32 at;
	__u32 end;
	__u32 header; /* IPv6: where it begins */
	__u32 padding; /* bytes of it in a row */
	__u32 options;
};

/* Room for an IPv4 header, in steps that the verifier understands: without its options, and for them. */
#define IPV4_OPTIONS_BUFFER 64
#define IPV4_HEADER_BUFFER (20 + IPV4_OPTIONS_BUFFER)
/* Enough for the network header, and more: of the packet that an error quotes. */
#define BEGINNING 128

/* What was written into the options of an IPv4 packet. */
enum options_written {
	OPTIONS_ROUTE = 1 << 0, /* an address into the record route */
	OPTIONS_TIME = 1 << 1, /* the time, and an address with it where it wants one */
	OPTIONS_CHANGED = 1 << 2, /* anything else */
};

/* Where a walk over the chunks of an SCTP packet is. */
struct sctp_walk {
	__u32 at;
	__u32 end;
	__be32 tag; /* of the packet */
	__u32 types; /* of the chunks seen, a bit for each */
	__u8 direction; /* 1: from the server */
	__u8 starts; /* no flow knows the packet */
	__u8 alone; /* a chunk that tolerates no others was seen */
	__u8 invalid;
	__u8 keeps_time; /* the packet does not prolong the flow */
	__u8 next;
};

enum route_kind {
	ROUTE_REFUSED = 0, /* no route, or one that refuses */
	ROUTE_LOCAL,
	ROUTE_FORWARD,
};

struct route {
	__u32 ifindex;
	struct address next_hop;
	__u8 kind; /* enum route_kind */
	__u8 too_long; /* the packet does not fit as it is */
	__u16 mtu; /* then */
	__u8 has_link_addresses;
	__u8 source_link[6];
	__u8 destination_link[6];
};

enum error_kind {
	ERROR_NONE = 0, /* no ICMP error */
	ERROR_ABOUT_FLOW, /* `quoted` says about which */
	ERROR_ABOUT_NOTHING, /* what it quotes cannot be told */
};

enum parse_result {
	PARSE_OK = 0,
	PARSE_MALFORMED, /* the stack will refuse it */
	PARSE_NO_TRANSPORT, /* extension headers that lead nowhere */
	PARSE_UNKNOWN_FRAGMENT, /* a later one, without its first */
	PARSE_REFUSED_FRAGMENT, /* a later one, whose first was dropped, or one that came before */
	PARSE_INVALID_FRAGMENT, /* a later one, whose first was of no flow */
	PARSE_HELD_FRAGMENT, /* one of a datagram that is put together */
};

/* What a packet is to the flow that it belongs to. */
enum track_result {
	TRACK_OK = 0,
	TRACK_NEW, /* the flow was over: this packet starts another */
	TRACK_INVALID, /* not part of the flow; it is not translated */
};

/* It would begin a flow, and has none yet. */
#define RECEIVED_NEW ~0ull
/* It is of no flow, and went on as it came. */
#define RECEIVED_AS_SENT ~1ull

/* An ICMPv6 error. */
struct ipv6_answer {
	__u8 type;
	__u8 code;
	__u16 mtu; /* where it says that the packet is too big */
};

/* A packet that the stack is to refuse, by what its error will quote. */
struct refused_key {
	struct tuple tuple; /* as the stack was given it */
	__u32 identification; /* IPv4 */
};

struct refused {
	struct tuple as; /* as it came, before the programs had it */
	struct flow flow; /* that it began */
	__u64 flow_id; /* of that, or another, or RECEIVED_… */
	__u64 expires;
	__u32 packets; /* of which nothing has been said yet */
	__u8 source_routed;
	__u8 zero[3];
};

/* What nat rules decided: to which set of endpoints a packet may go. */
struct choice {
	__u32 service_id;
	__u32 flags; /* enum frontend_flag */
	__u32 affinity_timeout; /* seconds */
	__u32 set;
	__u32 count;
	__u32 index; /* of the one that was selected */
	__u8 masquerade;
};

/* What the frontend of a place says of packets that are not translated. */
struct filter_rules {
	__u32 flags; /* enum frontend_flag */
	__u32 service_id;
};

struct packet {
	__u64 now;
	__u32 ifindex;
	__u32 interface_flags; /* enum interface_flag */
	__u32 link_header_length;
	__u32 mark;
	__u32 generation; /* of the node's settings, interfaces and addresses */
	__u32 service_state; /* that it goes by */
	struct headers headers;
	struct tuple tuple; /* ports are zero where the packet has none */
	struct tcp_segment tcp;
	__be32 sctp_tag;
	struct sctp_walk sctp_walk;
	struct options_walk options_walk;
	__u8 host_origin; /* made by a process of the node, or its stack */
	__u8 error; /* enum error_kind */
	__u8 tracked; /* `tuple` is whole: it belongs to a flow, or may start one */
	__u8 portless; /* of a protocol whose flows are told by addresses alone */
	__u8 options_refused; /* by the stack, behind PREROUTING */
	__u8 refused_silently; /* then: it says nothing of it */
	__u8 martian; /* likewise, for its source */
	__u8 masqueraded_before_input; /* the node's own: INPUT answers an address of the node */
	__u8 source_routed; /* IPv4: it made stops on its way, by which an error about it goes back */
	__u8 draws_port; /* for its flow, of which any that is free will do */
	__u8 meets_unfinished; /* there is such a flow of its tuple, which it may begin */
	__u8 only_tracked; /* it goes nowhere, but does to its flow what it would */
	/* Options of an IPv4 packet that the stack receives, by where they stand in the frame; 0: there
	 * is none. */
	__u32 options_end; /* the one that ends them */
	__u32 record_route;
	__u32 timestamp;
	__u32 source_route;
	__u8 broken; /* a transport header that connection tracking makes nothing of */
	__u8 icmp_type;
	__u8 icmp_class; /* enum icmp_class, where the packet is ICMP */
	/* Bytes of payload in each segment, where it awaits segmentation by the device or the kernel; else 0. */
	__u32 segment_size;
	__u32 largest_fragment; /* of a datagram that was put together; 0: it was not */
	struct first_piece first_piece; /* then */
	__u8 whole; /* a fragment, the last that its datagram waited for */
	__u8 held; /* to be put together before anything comes of it */
	__u8 waits_for_first; /* a fragment: held as the only one of its datagram that has come */
	struct fragmented fragments; /* of a fragment: the datagram, this one counted */
	__u32 checksum_offset; /* of the transport checksum in the frame; 0: there is none */

	struct headers quoted_headers;
	struct tuple quoted;
	__u32 quoted_checksum_offset; /* 0: cut off, or none */
	__u8 of_a_process; /* an error that the node's stack has not made: its checksum is wrong */
	__u8 quoted_short; /* its ports are there, but not all that would have to be translated */

	/* Set by decisions. */
	struct tuple to; /* what the tuple is to become */
	struct tuple quoted_to; /* and the quoted one */
	struct choice choice;
	__u8 affinity_lapsed; /* a bit for each choice of the client's affinity that it does away with */
	struct frontend frontend; /* the last that was looked up */
	/* At the destination in question. */
	struct filter_rules address_rules;
	struct filter_rules node_port_rules;
	__u8 rules_read; /* of which frontends: 1 << enum frontend_kind */
	struct ipv6_answer ipv6_answer; /* to be given where the packet is rejected */
	__u8 refused_at_input; /* then: of a process, behind OUTPUT and POSTROUTING */
	__u8 quoted_back; /* then: netfilter has translated it, and does the same to what is quoted */
	/* Then, in IPv4: what its options record, where that is the address that it was sent to. */
	__be32 recorded;
	__u8 options_written; /* enum options_written */
	__u32 answer_header[IPV4_HEADER_BUFFER / 4]; /* under construction */
	__u8 beginning[BEGINNING]; /* taken away for a moment (partial_checksum.bpf.h) */
	struct tuple key; /* for look-ups of other entries of a flow */
	struct flow flow; /* under construction */
	struct flow
		met; /* the last that was found: what never changes of it, and its status then */
	struct flow leaving; /* being removed */
	struct refused_key refused_key; /* for look-ups */
	struct refused refused; /* under construction */
	struct route route; /* the last that was looked for */
	struct trace_record trace;

	/* From one program to another: what the stack was last given to receive and may have something
	 * to say of, as it was given. */
	struct tuple received;
	struct tuple received_as; /* and as it came, before the programs had it */
	__u8 received_source_routed;
	__u32 received_identification; /* IPv4 */
	__u64 received_flow; /* its flow's id, or RECEIVED_…; 0: there is nothing to say */
	__u64 received_expires; /* who speaks of it later is not the stack */
};

/* So long a datagram may take from its first fragment that comes to its last. */
static __always_inline __u64 fragment_lifetime(const struct packet *packet)
{
	return packet->tuple.family == FAMILY_IPV4 ? IPV4_FRAGMENT_LIFETIME
						   : IPV6_FRAGMENT_LIFETIME;
}
