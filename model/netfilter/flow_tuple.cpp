#include "model/netfilter/flow_tuple.h"

#include <fmt/format.h>

namespace kubeproof::netfilter {
namespace {

// The type that answers an ICMP query, and the query that an answer answers (nf_conntrack_proto_
// icmp.c and nf_conntrack_proto_icmpv6.c, invmap).
uint8_t counterpart(uint8_t protocol, uint8_t type) {
  if (protocol == kIcmp) {
    if (type == 0) return 8;
    if (type == 8) return 0;
    // Timestamp, information and address mask: 13/14, 15/16, 17/18.
    return type % 2 == 1 ? type + 1 : type - 1;
  }
  // Echo 128/129 and node information 139/140.
  if (type == 128) return 129;
  if (type == 129) return 128;
  return type == 139 ? 140 : 139;
}

std::string_view protocol_name(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return "tcp";
    case kUdp:
      return "udp";
    case kSctp:
      return "sctp";
    case kIcmp:
      return "icmp";
    case kIcmpv6:
      return "icmpv6";
    default:
      return "";
  }
}

}  // namespace

uint16_t FlowTuple::answering_type() const {
  const uint8_t type = counterpart(protocol, static_cast<uint8_t>(destination_port >> 8));
  return static_cast<uint16_t>(type << 8 | (destination_port & 0xff));
}

std::string FlowTuple::to_string() const {
  const std::string_view name = protocol_name(protocol);
  const std::string protocol_text =
      name.empty() ? fmt::format("protocol {}", protocol) : std::string(name);
  if (is_icmp()) {
    return fmt::format("{} > {} {} type {} id {}", source.to_string(), destination.to_string(),
                       protocol_text, destination_port >> 8, source_port);
  }
  return fmt::format("{} > {} {}", SocketAddress{source, source_port}.to_string(),
                     SocketAddress{destination, destination_port}.to_string(), protocol_text);
}

std::optional<FlowTuple> tuple_of(const PacketView& view) {
  if (view.is_fragment && view.fragment_offset != 0) return std::nullopt;
  FlowTuple tuple{view.source, view.destination, 0, 0, view.protocol};
  switch (view.protocol) {
    case kTcp:
    case kUdp:
    case kSctp:
      if (!view.has_ports) return std::nullopt;
      tuple.source_port = view.source_port;
      tuple.destination_port = view.destination_port;
      return tuple;
    case kIcmp:
    case kIcmpv6:
      if (!view.has_icmp || !view.has_ports) return std::nullopt;
      tuple.source_port = view.source_port;
      tuple.destination_port = static_cast<uint16_t>(view.icmp_type << 8 | view.icmp_code);
      return tuple;
    default:
      return tuple;
  }
}

}  // namespace kubeproof::netfilter
