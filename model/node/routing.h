// Which way a packet goes: table local (the node's own addresses), then the world's routes, by
// longest prefix and then lowest metric; and which of the node's addresses it is given as a source.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/node/world.h"

namespace kubeproof {

enum class RouteVerdict : uint8_t {
  kLocal,        // for the node's own sockets
  kBroadcast,    // IPv4 broadcast or network address of an interface
  kForward,      // leaves through `out`
  kUnreachable,  // no route, or an `unreachable` one
  kProhibit,
  kBlackhole,
};

struct RouteDecision {
  RouteVerdict verdict = RouteVerdict::kUnreachable;
  const Interface* out = nullptr;  // kForward: the egress interface; kLocal: loopback
  IpAddress next_hop;              // the gateway, or the destination itself
  // `src` of the route, or what the kernel derives where it has none (fib_info_update_nhc_saddr).
  std::optional<IpAddress> preferred_source;
};

// A compiled view of a World, which must outlive it and not change.
class RoutingTable {
 public:
  explicit RoutingTable(const World& world);

  RouteDecision lookup(const IpAddress& destination) const;
  bool is_local(const IpAddress& address) const;

  // The address that MASQUERADE and locally made packets get when leaving through `out` toward
  // `next_hop`: inet_select_addr() for IPv4, RFC 6724 for IPv6. Empty where
  // the node has no usable address.
  std::optional<IpAddress> select_source(const Interface& out, const IpAddress& destination,
                                         const IpAddress& next_hop) const;

 private:
  struct Entry {
    Route route;
    const Interface* out = nullptr;
  };
  const World& world_;
  std::vector<Entry> entries_;  // longest prefix first
};

}  // namespace kubeproof
