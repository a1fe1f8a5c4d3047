// Packets that a stack sends on its own account: neighbour discovery and router solicitations,
// group membership reports, redirects. They say nothing about the packet under test and are set
// aside.
#pragma once

#include "model/packet/packet_view.h"

namespace kubeproof {

inline bool is_stack_chatter(const PacketView& packet) {
  constexpr uint8_t kIgmp = 2;
  constexpr uint8_t kRedirect = 5;
  if (packet.family == Family::kIpv4) {
    return packet.protocol == kIgmp || (packet.has_icmp && packet.icmp_type == kRedirect);
  }
  // Types 130 to 132 and 143: MLD (RFC 2710, RFC 3810). 133 to 137: RFC 4861.
  return packet.has_icmp &&
         ((packet.icmp_type >= 130 && packet.icmp_type <= 137) || packet.icmp_type == 143);
}

// Whether the stack would have sent it without `entered`, too: that may be such a packet itself.
inline bool is_stack_chatter(const PacketView& packet, const PacketView* entered) {
  const bool of_its_kind = entered != nullptr && entered->family == packet.family &&
                           entered->protocol == packet.protocol &&
                           entered->icmp_type == packet.icmp_type;
  return is_stack_chatter(packet) && !of_its_kind;
}

}  // namespace kubeproof
