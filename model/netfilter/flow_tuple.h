// What identifies one direction of a flow to conntrack: addresses, ports and protocol, as
// net/netfilter/nf_conntrack_core.c nf_ct_get_tuple() and nf_ct_invert_tuple() see them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "model/packet/address.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

enum class Direction : uint8_t { kOriginal, kReply };

inline Direction opposite(Direction direction) {
  return direction == Direction::kOriginal ? Direction::kReply : Direction::kOriginal;
}

// In ICMP queries the source port is the identifier, the destination port type << 8 | code.
// Protocols without ports have zeros.
struct FlowTuple {
  IpAddress source;
  IpAddress destination;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint8_t protocol = 0;

  bool is_icmp() const { return protocol == kIcmp || protocol == kIcmpv6; }
  // The tuple of the answer. ICMP types without an answer stay as they are: tuple_of() makes none.
  FlowTuple inverse() const {
    return {destination, source, is_icmp() ? source_port : destination_port,
            is_icmp() ? answering_type() : source_port, protocol};
  }
  // What a packet with this tuple carries at its source and destination: in ICMP, the identifier.
  SocketAddress source_endpoint() const { return {source, source_port}; }
  SocketAddress destination_endpoint() const {
    return {destination, is_icmp() ? source_port : destination_port};
  }
  size_t hash() const {
    constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
    const uint64_t ports = uint64_t{source_port} << 24 | uint64_t{destination_port} << 8 | protocol;
    uint64_t mixed = source.hash() * 3 + destination.hash() + ports * kMultiplier;
    mixed = (mixed ^ (mixed >> 32)) * kMultiplier;
    return mixed ^ (mixed >> 29);
  }
  // "10.0.0.1:4000 > 10.96.0.10:80 tcp", for traces.
  std::string to_string() const;

  friend bool operator==(const FlowTuple&, const FlowTuple&) = default;

 private:
  uint16_t answering_type() const;  // with the code, as in destination_port
};

// Empty where conntrack can make none: a transport header cut short, a later fragment, an ICMP
// message that is no query.
std::optional<FlowTuple> tuple_of(const PacketView& view);

}  // namespace kubeproof::netfilter
