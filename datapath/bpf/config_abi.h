/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The node as the programs know it: its settings, interfaces and addresses. Written by control, as
 * one of two generations: the one that packets do not go by. Each packet takes the present one when
 * it comes in, and so meets the whole node as it was or as it is to be.
 */
#pragma once

#include "tuple_abi.h"

#ifdef __cplusplus
namespace kubeproof::abi {
#endif

enum settings_flag {
	/* masqueradeAll */
	SETTING_MASQUERADE_ALL = 1 << 0,
	/* Packets to 127.0.0.0/8 reach node ports: localhostNodePorts. */
	SETTING_LOCALHOST_NODE_PORTS = 1 << 1,
	/* INVALID packets are dropped in FORWARD: nf_conntrack_tcp_be_liberal is off. */
	SETTING_DROP_INVALID = 1 << 2,
	/* A TCP flow may be picked up in its middle: nf_conntrack_tcp_loose. */
	SETTING_TCP_LOOSE = 1 << 3,
	/* All of 127.0.0.0/8, and not only what is listed, reaches node ports. */
	SETTING_NODE_PORTS_ON_ALL_LOOPBACK = 1 << 4,
	/* 127.0.0.0/8 is open to packets from outside: net.ipv4.conf.all.route_localnet. */
	SETTING_ROUTE_LOCALNET = 1 << 5,
	/* Others may say that they have the node's addresses: net.ipv4.conf.all.accept_local. */
	SETTING_ACCEPT_LOCAL = 1 << 6,
	/* The node forwards: net.ipv4.ip_forward, net.ipv6.conf.all.forwarding. */
	SETTING_FORWARDS = 1 << 7,
	/* Routes make IPv4 addresses local beside those of interfaces. */
	SETTING_FURTHER_LOCAL_ROUTES = 1 << 8,
	/* Some of them, or of IPv6, make whole prefixes local: AnyIP. */
	SETTING_LOCAL_PREFIXES = 1 << 9,
};

/* How traffic from local pods is told (detectLocalMode). */
enum detector {
	DETECTOR_NONE = 0, /* nobody can be told apart: kube-proxy writes no rules that ask */
	DETECTOR_PREFIX = 1, /* by source address */
	DETECTOR_INTERFACE = 2, /* by ingress interface: INTERFACE_LOCAL_TRAFFIC */
};

struct family_settings {
	struct address local_prefix; /* DETECTOR_PREFIX */
	__u8 local_prefix_length;
	__u8 detector; /* enum detector */
	__u16 zero;
};

struct settings {
	/* From ingress to egress: the source address of this packet is to be changed. kube-proxy's
	 * masquerade mark; a first packet that comes with it is masqueraded. */
	__u32 masquerade_mark;
	__u32 flags; /* enum settings_flag */
	struct family_settings ipv4;
	struct family_settings ipv6;
	/* Seconds; net.netfilter.nf_conntrack_*timeout*, as far as kube-proxy may set them. */
	__u32 tcp_established_timeout;
	__u32 tcp_close_wait_timeout;
	__u32 udp_timeout;
	__u32 udp_stream_timeout;
};

enum interface_flag {
	INTERFACE_LOOPBACK = 1 << 0,
	INTERFACE_LOCAL_TRAFFIC = 1 << 1, /* what arrives here comes from local pods */
	INTERFACE_XDP = 1 << 2, /* our program is at XDP here */
	INTERFACE_XDP_REDIRECT = 1 << 3, /* and may send frames to other interfaces with it */
	INTERFACE_LEADS_TO_LOOPBACK = 1 << 4, /* a route leads out of here to, of all, ::1 */
	INTERFACE_LEADS_TO_LINK = 1 << 5, /* and to link-local IPv6 addresses */
	/* IPv6: each route out of here that has a gateway names the source of what takes it. */
	INTERFACE_GATEWAYS_NAME_SOURCE = 1 << 6,
};

enum candidate_owner {
	CANDIDATE_NONE = 0, /* nor is there any behind it */
	CANDIDATE_OWN,
	CANDIDATE_LENT, /* by another interface: good for nobody on the link alone */
};

/* An address that the kernel may give to a packet that leaves here. */
struct source_candidate {
	struct address address;
	struct address subnet; /* its peer's, where it has one */
	__u8 prefix_length;
	__u8 scope; /* RT_SCOPE_*; IPv4 only */
	__u8 owner; /* enum candidate_owner */
	__u8 deprecated; /* IPv6 only */
};

#define GENERATIONS 2

struct interface_key {
	__u32 ifindex;
	__u32 generation;
};

#define SOURCE_CANDIDATES 32

struct interface_settings {
	__u32 flags; /* enum interface_flag */
	/* Bytes ahead of the network header: 14, or 0 for interfaces that carry bare IP. */
	__u32 link_header_length;
	__u8 link_address[6]; /* its own; all zero where it has none */
	__u16 ipv6_mtu;
	struct address loopback_next_hop; /* INTERFACE_LEADS_TO_LOOPBACK; zero: no gateway */
	struct address link_next_hop; /* INTERFACE_LEADS_TO_LINK; likewise */
	/* In the kernel's order; where the interface has none of its own that is not deprecated, those
	 * of the others, too. */
	struct source_candidate ipv4[SOURCE_CANDIDATES];
	struct source_candidate ipv6[SOURCE_CANDIDATES];
};

enum local_address_flag {
	/* Node ports answer here. */
	LOCAL_ADDRESS_NODE_PORTS = 1 << 0,
	/* Exactly that of an interface. */
	LOCAL_ADDRESS_CONFIGURED = 1 << 1,
	/* Of all hosts of a subnet (IPv4 broadcast), or of any of its routers (IPv6 anycast): what is
	 * sent there comes in, but to kube-proxy's rules it is not the node's. */
	LOCAL_ADDRESS_SHARED = 1 << 2,
	/* In a prefix that is local, but a better route leads away. */
	LOCAL_ADDRESS_ELSEWHERE = 1 << 3,
};

#define LOCAL_ADDRESS_AHEAD 32 /* bits of the key before the address */
#define LOCAL_ADDRESS_WHOLE (LOCAL_ADDRESS_AHEAD + 128)

/* Of an address or, for longest-prefix match, of a prefix. */
struct local_address_key {
	__u32 prefix_length; /* counts from `family` on: LOCAL_ADDRESS_WHOLE for an address */
	__u8 family; /* enum family */
	__u8 generation;
	__u8 zero[2];
	struct address address;
};

/* An address for which packets come in; without flags it is the node's by a route alone. */
struct local_address {
	__u32 flags; /* enum local_address_flag */
	/* IPv4: what the node sends from to this address where nobody says: the primary address of
	 * its subnet. Zero: from itself. */
	__be32 source;
};

#ifdef __cplusplus
} /* namespace kubeproof::abi */
#endif
