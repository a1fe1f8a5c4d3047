// The packet that `kubeproof trace` sends, from what the command line says of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/node/world.h"
#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/result.h"

namespace kubeproof {

struct TracedDestination {
  SocketAddress address;
  uint8_t protocol = 0;
};

struct TracedOrigin {
  // Empty: one of the node's own, or a client outside.
  std::optional<IpAddress> address;
  std::optional<uint16_t> port;
  bool pod = false;     // the address is that of a pod on the node
  bool host = false;    // a process of the node
  bool uplink = false;  // a client outside, wherever its address would be reached
};

struct TracedPacket {
  Ingress ingress;
  Bytes packet;
};

// "10.96.0.10:80", "[fd00::10]:53/udp".
Result<TracedDestination> parse_destination(std::string_view text);

// "host", "uplink", "pod:10.180.0.9", "10.0.0.1", "10.0.0.1:4000".
Result<TracedOrigin> parse_origin(std::string_view text);

// The opening packet of a flow.
Result<TracedPacket> make_traced_packet(const World& world, const TracedOrigin& origin,
                                        const TracedDestination& destination);

}  // namespace kubeproof
