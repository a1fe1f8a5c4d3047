/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses and tuples, as the programs and their control share them: keys and values of maps,
 * fields of trace records. One form for both families, so that all but parsing and rewriting is
 * written once. A test holds every *_abi.h to the BTF of the object.
 *
 * No implicit padding anywhere: map keys are compared as bytes.
 */
#pragma once

#include <linux/types.h>

#ifdef __cplusplus
namespace kubeproof::abi {
#endif

/* An IPv4 address stands in the first word, the others are zero. Network byte order. */
struct address {
	__be32 words[4];
};

enum family {
	FAMILY_IPV4 = 4,
	FAMILY_IPV6 = 6,
};

/* Which tuples a flow's tuple is among: see flow_abi.h. */
enum tuple_space {
	/* Tuples as they are on the wire, or as a socket of the node sent them. */
	TUPLE_SPACE_WIRE = 0,
	/* Tuples between ingress and egress of the node, of flows whose source changes. */
	TUPLE_SPACE_INSIDE = 1,
};

/* Ports in network byte order. */
struct tuple {
	struct address source;
	struct address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 family; /* enum family */
	__u8 space; /* enum tuple_space */
	__u8 zero;
};

struct socket_address {
	struct address address;
	__be16 port;
	__u16 zero;
};

#ifdef __cplusplus
} /* namespace kubeproof::abi */
#endif
