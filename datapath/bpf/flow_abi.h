/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Flows: connection tracking of what concerns services and their endpoints. Every flow has an entry
 * under the tuple of its first packet (ORIGINAL) and one under that of its replies (REPLY), which
 * share one space of tuples, as in netfilter. A forwarded flow whose source changes is met once
 * more, between the hooks, with the destination already translated and the source's address not yet:
 * INSIDE, for both directions.
 *
 *   ORIGINAL   client → frontend
 *   REPLY      backend → source
 *   INSIDE     client's address, source's port → backend; and the reverse
 */
#pragma once

#include "tuple_abi.h"

#ifdef __cplusplus
namespace kubeproof::abi {
#endif

enum flow_role {
	FLOW_ORIGINAL = 1,
	FLOW_REPLY = 2,
	FLOW_INSIDE_ORIGINAL = 3,
	FLOW_INSIDE_REPLY = 4,
};

enum flow_flag {
	/* Forwarded, and masqueraded to another address, or with another port: it may be met INSIDE. */
	FLOW_SOURCE_CHANGES = 1 << 0,
	FLOW_HOST_CLIENT = 1 << 1, /* the client is a process of the node */
	FLOW_HOST_BACKEND = 1 << 2, /* the backend's address is the node's own */
	FLOW_MASQUERADED = 1 << 3,
	/* Over with its first packet, which the stack refuses: only that refusal is translated. */
	FLOW_DOOMED = 1 << 4,
	/* The client came in from a link with an address of the node's own, which IPv6 lets pass:
	 * what goes back to it is delivered here. */
	FLOW_OWN_CLIENT = 1 << 5,
};

/* What connection tracking knows; kept in the ORIGINAL entry. */
enum flow_status {
	FLOW_SEEN_REPLY = 1 << 0,
	FLOW_ASSURED = 1 << 1,
	FLOW_CLOSING = 1 << 2, /* a FIN was seen from either side */
	FLOW_LAST_FROM_CLIENT = 1 << 3, /* direction of the last TCP packet that counted */
	FLOW_STREAM = 1 << 4, /* UDP: long-lived */
	/* Refused, or given up: what the stack may yet say of its last packet is all that is its own. */
	FLOW_OVER = 1 << 5,
	/* Begun by the first fragment of a datagram that is not whole yet: there for its fragments,
	 * and for the packet that begins it in their place, alone. */
	FLOW_UNFINISHED = 1 << 6,
};

enum tcp_flow_flag {
	TCP_FLOW_SIMULTANEOUS_OPEN = 1 << 0,
	TCP_FLOW_EXPECTS_CHALLENGE = 1 << 1, /* of the server, to the client's SYN in LAST_ACK */
	/* Of the SYN that was last let through. */
	TCP_FLOW_LAST_SCALES = 1 << 2,
	TCP_FLOW_LAST_SELECTIVE = 1 << 3,
};

enum sctp_flow_flag {
	SCTP_FLOW_INIT_BY_CLIENT = 1 << 0,
	SCTP_FLOW_INIT_BY_SERVER = 1 << 1,
	SCTP_FLOW_HEARTBEAT_FAILED = 1 << 2, /* it had another tag */
	SCTP_FLOW_LAST_FROM_SERVER = 1 << 3, /* that heartbeat */
	SCTP_FLOW_RESUMED = 1 << 4, /* tags that are zero are not known any more */
};

enum tcp_end_flag {
	TCP_END_HAS_ACKNOWLEDGED = 1 << 0,
	TCP_END_AWAITS_ACKNOWLEDGMENT = 1 << 1, /* of data */
	TCP_END_SCALES = 1 << 2, /* it offered to scale windows */
	TCP_END_SELECTIVE = 1 << 3, /* it takes selective acknowledgments */
	TCP_END_LIBERAL = 1 << 4, /* picked up midway: not held to windows */
};

/* One side of a TCP connection. */
struct tcp_end {
	__u32 end; /* behind the last byte that it sent */
	__u32 end_max; /* how far the other side has room */
	__u32 window_max; /* the widest that it offered; 0: it has sent nothing yet */
	__u32 acknowledged; /* the highest that it acknowledged */
	__u8 flags; /* enum tcp_end_flag */
	__u8 scale;
	__u16 zero;
};

struct flow {
	struct socket_address client; /* as it sends */
	struct socket_address frontend; /* what it contacted */
	struct socket_address backend; /* where that is led */
	struct socket_address source; /* as the backend sees the client */
	__u64 id; /* the same in all entries of a flow */
	__u64 created;
	__u64 expires; /* ORIGINAL only; nanoseconds of the datapath's clock */
	__u32 service_id; /* 0: straight to an endpoint */
	__u16 flags; /* enum flow_flag */
	__u8 role; /* enum flow_role */
	__u8 status; /* enum flow_status; ORIGINAL only */
	/* ORIGINAL only: */
	__u8 tcp_state; /* enum tcp_state */
	__u8 tcp_last_event; /* enum tcp_event */
	__u8 tcp_flags; /* enum tcp_flow_flag */
	__u8 tcp_retransmissions; /* of the last segment */
	/* The last segment without SYN, FIN or RST, or that was let through. */
	union {
		__u32 tcp_last_sequence;
		/* Of an unfinished flow: the place that its backend has in a set. */
		__u32 backend_index;
	};
	__u32 tcp_last_acknowledgment;
	__u32 tcp_last_end; /* behind its last byte */
	__u16 tcp_last_window; /* as it stands in the header */
	__u8 sctp_state; /* enum sctp_state */
	__u8 sctp_flags; /* enum sctp_flow_flag */
	__u8 tcp_last_scale; /* of the SYN that was last let through */
	__u8 zero[3];
	struct tcp_end tcp_ends[2]; /* the client's, the server's */
	__be32 sctp_tags[2]; /* that the client, the server is to use */
};

/* Under each tuple of a flow, where the flow can be found should that tuple's entry be lost. */
struct partner {
	struct tuple other; /* another tuple of the same flow */
	__u64 id; /* of the flow */
	__u8 role; /* enum flow_role, of the entry that this stands beside */
	__u8 zero[7];
};

/* A datagram in fragments, at one hook. */
struct fragment_key {
	struct address source;
	struct address destination;
	__u32 identification;
	__u8 protocol; /* IPv4 */
	__u8 family; /* enum family */
	__u8 program; /* enum program: the tuple may differ from hook to hook */
	__u8 zero;
};

/* What the first fragment decided for all of them. */
enum fragments_course {
	FRAGMENTS_UNDECIDED = 0, /* it has not come yet */
	FRAGMENTS_FOLLOW, /* they go as their flow says */
	FRAGMENTS_BEGIN, /* likewise, and the flow began with it */
	FRAGMENTS_INVALID, /* of no flow */
	FRAGMENTS_REFUSED, /* dropped */
	FRAGMENTS_HELD, /* nothing comes of them until they are put together */
};

enum fragments_flag {
	FRAGMENTS_UNSUMMED = 1 << 0, /* the checksum cannot be told */
	FRAGMENTS_WITHOUT_CHECKSUM = 1 << 1, /* UDP */
	FRAGMENTS_SPOILT = 1 << 2, /* one contradicts another: they are never whole */
	FRAGMENTS_BROKEN = 1 << 3, /* connection tracking makes nothing of its header */
};

/* Enough for 64 KiB in fragments of an Ethernet MTU, in any order; with more gaps nobody waits for the
 * rest. */
#define FRAGMENT_RUNS 24

/* A stretch of a datagram that is there; empty: none. */
struct fragment_run {
	__u16 begin;
	__u16 end;
};

/* What is known of it so far. Only its last fragment tells how long it is and whether its checksum
 * is right, and so what it does to its flow. */
struct fragmented {
	__u64 expires;
	__u64 flow_id; /* by which its first one went; 0: by none, or by one that changes nothing */
	__be16 source_port;
	__be16 destination_port;
	__u32 front; /* so much of it is there without a gap */
	__u32 length; /* 0: its end has not come */
	__u32 largest; /* of its fragments, with the IP header */
	__u32 extensions; /* so many of them before the transport header */
	__u32 sum; /* of the bytes from there on: as Internet checksum, or CRC32c */
	__u32 checksum; /* SCTP, as it stands in the header */
	__u16 udp_length; /* as the header says */
	__u8 course; /* enum fragments_course */
	__u8 flags; /* enum fragments_flag */
	/* TCP, from the header: */
	__u32 tcp_sequence;
	__u32 tcp_acknowledgment;
	__u32 tcp_highest_acknowledgment;
	__u16 tcp_window;
	__u8 tcp_flags;
	__u8 tcp_header_length;
	__u8 tcp_scale;
	__u8 tcp_offers;
	/* SCTP: what the chunks of the first fragment make of the flow. */
	__u8 sctp_state;
	__u8 sctp_flags;
	__be32 sctp_tags[2];
	__u32 sctp_end; /* where the last chunk of which it has the beginning ends */
	__u32 sctp_seconds; /* how long the flow then lives; 0: no longer than before */
	__u32 affinity_backend; /* to which the client is led once it is whole; 0: to none */
	__u32 affinity_timeout; /* seconds */
	__u8 affinity_lapsed; /* which of its former choices the client then loses, a bit for each */
	__u8 protocol; /* behind all extension headers; 0: none has told */
	__u8 portless;
	__u8 congestion; /* a bit for each ECN codepoint seen */
	__u8 ttl; /* of the first, once `protocol` has been told */
	__u8 zero[7];
	struct fragment_run runs[FRAGMENT_RUNS]; /* in no order, with gaps between them */
};

#define HELD_MAX 8192
#define HELD_HEADER_MAX 256

/* A datagram that is put together. */
struct held {
	__u32 header_length; /* 0: its first fragment has not come */
	__u32 length; /* so many bytes behind the header are there */
	__u32 first_length; /* so many with the first fragment */
	__u32 named_at; /* IPv6: where the header names the fragment header that it had */
	__u8 header[HELD_HEADER_MAX]; /* IP */
	__u8 bytes[2 * HELD_MAX]; /* more than it may have, so that any share fits at any place */
};

#ifdef __cplusplus
} /* namespace kubeproof::abi */
#endif
