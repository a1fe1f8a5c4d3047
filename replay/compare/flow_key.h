// Which flow a packet belongs to, whichever way it goes.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

// The two ends in ascending order, so that both directions have the same key.
struct FlowKey {
  SocketAddress low;
  SocketAddress high;
  uint8_t protocol = 0;

  static FlowKey between(const SocketAddress& a, const SocketAddress& b, uint8_t protocol);
  friend bool operator==(const FlowKey&, const FlowKey&) = default;
};

// An ICMP error belongs to the flow of the packet that it quotes. Empty for bytes that are no
// packet.
std::optional<FlowKey> flow_key(ByteView packet);
FlowKey flow_key(const PacketView& view);

}  // namespace kubeproof

template <>
struct std::hash<kubeproof::FlowKey> {
  size_t operator()(const kubeproof::FlowKey& key) const {
    const size_t ports = size_t{key.low.port} << 32 | size_t{key.high.port} << 16 | key.protocol;
    size_t mixed = key.low.address.hash() * 0x9e3779b97f4a7c15ULL + key.high.address.hash();
    mixed = (mixed ^ ports) * 0xff51afd7ed558ccdULL;
    return mixed ^ mixed >> 32;
  }
};
