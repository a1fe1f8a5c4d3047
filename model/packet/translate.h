// What NAT and forwarding change in a packet, with the checksums brought along as the kernel does:
// nf_nat_proto.c for addresses, ports and ICMP identifiers, ip_decrease_ttl() for the TTL.
#pragma once

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

// Replaces the address and, where the view has ports, the port (in ICMP queries: the identifier).
// `packet` may be a whole packet or the quote of an ICMP error, `view` what was parsed from it;
// both are changed. Checksums of TCP, UDP, ICMP and IPv4 are updated incrementally, so a wrong one
// stays wrong; UDP without a checksum stays without; SCTP's is computed anew over the bytes that
// are there. The checksum of an ICMP error around a quote is not touched.
void rewrite_source(MutableByteView packet, PacketView& view, const SocketAddress& to);
void rewrite_destination(MutableByteView packet, PacketView& view, const SocketAddress& to);

// What a router does to the TTL or hop limit. The caller has seen that it is above one.
void decrement_ttl(MutableByteView packet, PacketView& view);

}  // namespace kubeproof
