/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Services as the programs look them up. A frontend is one address and port that a client may
 * contact; it names the sets of backends that its traffic goes to. Sets are written before a
 * frontend names them and removed after none does, and their identifiers are not used again.
 *
 * Several services may have the same address and port. Packets that the first does not lead
 * anywhere are for the next. The first stands at the address itself, with what filter rules of any of
 * them refuse; the others make a list, which is written and removed as sets are.
 */
#pragma once

#include "tuple_abi.h"

#ifdef __cplusplus
namespace kubeproof::abi {
#endif

enum frontend_kind {
	FRONTEND_ADDRESS = 1, /* clusterIP, externalIP or load balancer's IP */
	FRONTEND_NODE_PORT = 2, /* a port of the node's addresses; `address` is zero */
	/* healthCheckNodePort, which INPUT accepts; port 0 stands for there being any. */
	FRONTEND_HEALTH_CHECK = 3,
	/* One of a list: `address` is the list's identifier and the place in it, counted from 1 on. */
	FRONTEND_LISTED = 4,
};

struct frontend_key {
	struct address address;
	__be16 port;
	__u8 protocol;
	__u8 family; /* enum family */
	__u8 kind; /* enum frontend_kind */
	__u8 zero[3];
};

#define FRONTENDS_AT_ONE_PLACE 256

enum frontend_flag {
	FRONTEND_CLUSTER_IP = 1 << 0, /* otherwise traffic here is external */
	FRONTEND_POLICY_LOCAL = 1 << 1, /* the traffic policy that applies here */
	FRONTEND_HAS_ENDPOINTS = 1 << 2, /* usable ones, anywhere */
	FRONTEND_SOURCE_RANGES = 1 << 3, /* only sources in `source_ranges` */
	FRONTEND_AFFINITY = 1 << 4, /* sessionAffinity: ClientIP */
	/* Of what is not translated. KUBE-SERVICES: */
	FRONTEND_REJECTS_INTERNAL = 1 << 5,
	FRONTEND_DROPS_INTERNAL = 1 << 6,
	/* KUBE-EXTERNAL-SERVICES: */
	FRONTEND_REJECTS_EXTERNAL = 1 << 7,
	FRONTEND_DROPS_EXTERNAL = 1 << 8,
	FRONTEND_NODE_PORT_FIRST =
		1 << 9, /* what refuses at the node port of this number comes first */
	/* KUBE-PROXY-FIREWALL: */
	FRONTEND_DROPS_OTHER_SOURCES = 1 << 10,
};

struct frontend {
	__u32 service_id;
	__u32 flags; /* enum frontend_flag */
	__u32 cluster_set;
	__u32 cluster_count;
	__u32 local_set;
	__u32 local_count;
	__u32 affinity_timeout; /* seconds */
	__u32 source_ranges; /* a list of prefixes */
	__u32 others; /* a list of the frontends behind this one; 0: there are none */
};

/* What is at a key, in states of the services before `since`, and from that one on: nothing where there
 * is no `service_id`. Each packet takes the present state when it comes in. So all that an update
 * changes is written ahead, and changes for packets at once. */
struct frontend_versions {
	struct frontend before;
	struct frontend after;
	__u32 since;
};

/* The backend at place `index` of a set. */
struct backend_key {
	__u32 set;
	__u32 index;
};

struct backend {
	struct address address;
	__be16 port;
	__u16 zero;
	__u32 id; /* of this endpoint of this service; never used again */
};

/* For longest-prefix match; `prefix_length` counts from `list` on. */
struct source_range_key {
	__u32 prefix_length;
	__u32 list;
	struct address address;
};

/* Session affinity, as xt_recent keeps it: which endpoints of a service a client was led to. */
struct affinity_key {
	struct address client;
	__u32 service_id;
	__u8 family; /* enum family */
	__u8 zero[3];
};

#define AFFINITY_CHOICES 8

struct affinity_choice {
	__u32 backend_id;
	__u32 zero;
	__u64 time; /* nanoseconds of the datapath's clock */
};

struct affinity {
	struct affinity_choice choices[AFFINITY_CHOICES];
};

/* Where a backend stands in a set. */
struct member_key {
	__u32 set;
	__u32 backend_id;
};

#ifdef __cplusplus
} /* namespace kubeproof::abi */
#endif
