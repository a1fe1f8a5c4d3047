#include "model/netfilter/other_trackers.h"

namespace kubeproof::netfilter {
namespace {

constexpr uint8_t kDccp = 33, kUdpLite = 136;

// gre_pkt_to_tuple(): other versions, and what is too short to have one, are as any protocol.
bool is_gre_of_pptp(ByteView packet, const PacketView& view) {
  constexpr size_t kHeader = 4, kVersionAt = 1;
  constexpr uint8_t kVersionMask = 7;
  const size_t at = view.transport_offset;
  return at + kHeader <= packet.size() && (packet[at + kVersionAt] & kVersionMask) == 1;
}

}  // namespace

bool is_tracked_otherwise(ByteView packet, const PacketView& view) {
  switch (view.protocol) {
    case kDccp:
    case kUdpLite:
      return true;
    case kGre:
      return is_gre_of_pptp(packet, view);
    default:
      return false;
  }
}

}  // namespace kubeproof::netfilter
