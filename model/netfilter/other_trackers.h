// Protocols that conntrack follows by more than their addresses, in ways that are not modelled:
// UDP-Lite and DCCP by ports, checksums and states, where the kernel is built with that (DCCP up to
// 6.15), and the GRE of PPTP by its keys (net/netfilter/nf_conntrack_proto_*.c). kube-proxy
// translates none of them. Any other protocol is one flow between two addresses.
#pragma once

#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

inline constexpr uint8_t kGre = 47;

bool is_tracked_otherwise(ByteView packet, const PacketView& view);

}  // namespace kubeproof::netfilter
