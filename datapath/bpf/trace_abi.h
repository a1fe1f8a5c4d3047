/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The decision trace: one record for each run of a program, while `trace_enabled` is set. It says
 * what the program did and why, and where a redirect goes, which the return code alone does not.
 */
#pragma once

#include "tuple_abi.h"

#ifdef __cplusplus
namespace kubeproof::abi {
#endif

enum program {
	PROGRAM_TC_INGRESS = 1,
	PROGRAM_TC_EGRESS = 2,
	PROGRAM_XDP = 3,
};

enum verdict {
	VERDICT_PASS = 0, /* on to tc (XDP), to the stack (ingress) or to the device (egress) */
	VERDICT_DROP = 1,
	VERDICT_REDIRECT = 2, /* by `redirect`, to `redirect_ifindex` */
};

enum redirect_kind {
	REDIRECT_NONE = 0,
	REDIRECT_EGRESS = 1, /* bpf_redirect(): the interface's egress hook is next */
	REDIRECT_INGRESS = 2, /* bpf_redirect(BPF_F_INGRESS): its ingress hook is next */
	REDIRECT_NEIGHBOUR = 3, /* bpf_redirect_neigh(): its egress hook is next */
	REDIRECT_TRANSMIT = 4, /* XDP_TX, or bpf_redirect() at XDP: no hook is next */
};

/* Why a program ended as it did. Every exit has its own; only DROP_* drop. */
enum reason {
	REASON_NONE = 0,

	/* Passed untouched. */
	PASS_NOT_IP,
	PASS_OTHER_HOST, /* by its link-layer address not for this node, or not for it alone */
	PASS_VLAN, /* tagged: for the hooks of the VLAN's own interface; at XDP also what belongs to none */
	PASS_MALFORMED, /* headers that the stack will refuse */
	PASS_FRAGMENT, /* a later fragment of a datagram that nothing here concerns */
	PASS_OTHER_PROTOCOL, /* none whose flows are tracked */
	PASS_MISPLACED, /* of a flow whose packets do not come this way */
	PASS_SPECIAL_DESTINATION, /* multicast, broadcast, 127.0.0.0/8 from outside */
	PASS_TABLE_FULL, /* no room to track it; of no service */
	PASS_LOOPBACK, /* received on lo: decided when it was sent */
	PASS_ALREADY_DECIDED, /* carries our mark: redirected here by a program */
	PASS_STACK_ANSWERS, /* FORWARD would refuse it, but routing, TTL or MTU do so first */
	PASS_INVALID, /* conntrack would call it INVALID, and nothing drops it here */
	PASS_RELATED_UNKNOWN, /* an ICMP error about a flow that we do not know */
	PASS_FORWARDED, /* at egress: no translation is due */
	PASS_MARTIAN, /* from a source that the stack will not believe */

	/* Passed on by XDP, untouched, for tc to decide. */
	LEFT_OTHER_LINK, /* its way leads through a link that takes no frames from XDP */
	LEFT_LOCAL, /* an end of it is on this node */
	LEFT_UNSERVED, /* of no service's flow, or no service with endpoints for it */
	LEFT_REFUSED, /* a filter rule would refuse it, or no address could be given to it */
	LEFT_INVALID, /* connection tracking would call it INVALID */
	LEFT_PROTOCOL, /* ICMP, or another that services do not have */
	LEFT_FRAGMENT,
	LEFT_OPTIONS, /* IP options or extension headers */
	LEFT_TRAILER, /* bytes behind the packet that are more than padding */
	LEFT_CHECKSUM, /* wrong, or still to be computed */
	LEFT_TOO_LONG, /* to be cut into fragments */
	LEFT_NO_NEIGHBOUR, /* the link-layer address of the next hop is not known */

	/* Passed or redirected, translated or tracked. */
	REASON_NEW_FLOW,
	REASON_NEW_DIRECT_FLOW, /* of no service */
	REASON_ORIGINAL, /* a later packet of a flow, toward the endpoint */
	REASON_REPLY, /* toward the client */
	REASON_RELATED, /* an ICMP error about a flow */
	REASON_REJECTED, /* answered: port unreachable */
	REASON_REASSEMBLED, /* a datagram, put together; it comes here again, whole */

	/* Dropped. */
	DROP_NO_LOCAL_ENDPOINT,
	DROP_SOURCE_RANGE,
	DROP_FRAGMENT, /* whose first was dropped or is not here yet, or that repeats another */
	DROP_HELD, /* a fragment of a datagram that is put together before anything comes of it */
	DROP_UNFORESEEN, /* SCTP in fragments, of which the first did not tell the length */
	DROP_INVALID, /* kube-proxy drops INVALID packets in FORWARD */
	DROP_LOCALNET, /* from outside to 127.0.0.0/8 */
	DROP_NO_SOURCE, /* masquerade, but the node has no usable address */
	DROP_NO_PORT, /* no free source port */
	DROP_TABLE_FULL, /* no room for another flow */
	DROP_NO_BACKEND, /* the maps contradict each other */
	DROP_NO_ROUTE, /* of the node's own, and no route to the endpoint */
	DROP_MARTIAN, /* as PASS_MARTIAN, but not what it was sent to is where the stack would seek a way */
	DROP_ICMP_REDIRECT, /* about a translated flow */
	DROP_REWRITE, /* a helper refused to change the packet */
	DROP_REJECT_SILENT, /* to be rejected, but no error may be sent about it */

	REASON_COUNT
};

enum trace_flag {
	TRACE_MASQUERADE = 1 << 0, /* the source becomes an address of the node */
	TRACE_HAIRPIN = 1 << 1, /* because the endpoint chosen is the client */
	TRACE_PORT_REDRAWN = 1 << 2,
	TRACE_AFFINITY = 1 << 3, /* the endpoint that the client had before */
	TRACE_LOCAL_SET = 1 << 4, /* chosen among the node's own endpoints (policy Local) */
	TRACE_SHORT_CIRCUIT = 1 << 5, /* policy Local, but local traffic: chosen among all */
	TRACE_NODE_PORT = 1 << 6,
	TRACE_CLUSTER_IP = 1 << 7,
	TRACE_EXTERNAL_IP = 1 << 8, /* externalIP or load balancer's IP */
	TRACE_REJECTED = 1 << 9,
	TRACE_HOST_ORIGIN = 1 << 10, /* made by a process of the node */
	TRACE_LOCAL_BACKEND = 1 << 11, /* the endpoint's address is the node's own */
};

struct trace_record {
	__u64 time; /* nanoseconds of the datapath's clock */
	__u32 ifindex; /* whose hook it was */
	__u32 redirect_ifindex;
	__u32 service_id; /* 0: none; control knows the names */
	__u16 flags; /* enum trace_flag */
	__u8 program; /* enum program */
	__u8 verdict; /* enum verdict */
	__u8 reason; /* enum reason */
	__u8 redirect; /* enum redirect_kind */
	__u16 zero;
	struct tuple before; /* as the packet came; of an ICMP error: the quoted one */
	struct tuple after; /* as it went on; likewise */
	struct socket_address backend; /* of the flow, all zero where there is none */
};

#ifdef __cplusplus
} /* namespace kubeproof::abi */
#endif
