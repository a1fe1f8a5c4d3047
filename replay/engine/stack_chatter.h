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

// Whether it is such a packet itself, or part of one: a later fragment does not say its type, but
// no source of these is translated, and the stack's own come from the node.
inline bool is_of_its_kind(const PacketView& packet, const PacketView& entered) {
  if (entered.family != packet.family || entered.protocol != packet.protocol) return false;
  const bool later_fragment = entered.is_fragment && !entered.has_icmp;
  return later_fragment ? entered.source == packet.source : entered.icmp_type == packet.icmp_type;
}

// Whether the stack would have sent it without `entered`, too.
inline bool is_stack_chatter(const PacketView& packet, const PacketView* entered) {
  return is_stack_chatter(packet) && (entered == nullptr || !is_of_its_kind(packet, *entered));
}

}  // namespace kubeproof
