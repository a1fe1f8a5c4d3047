#include "model/packet/protocol_name.h"

#include <fmt/format.h>

#include "model/packet/packet_view.h"

namespace kubeproof {

std::string protocol_name(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return "TCP";
    case kUdp:
      return "UDP";
    case kSctp:
      return "SCTP";
    case kIcmp:
      return "ICMP";
    case kIcmpv6:
      return "ICMPv6";
    default:
      return fmt::format("protocol {}", protocol);
  }
}

}  // namespace kubeproof
