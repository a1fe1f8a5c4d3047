// Which way a packet goes: table local (the node's own addresses) and the world's routes, by
// longest prefix and then lowest metric; and which of the node's addresses it is given as a source.
// Follows net/ipv4/fib_frontend.c (fib_add_ifaddr) and net/ipv6/addrconf.c for what table local
// holds. Left out: policy rules, further tables, multipath.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/node/prefix_map.h"
#include "model/node/world.h"

namespace kubeproof {

enum class RouteVerdict : uint8_t {
  kLocal,        // for the node's own sockets; IPv6 subnet-router anycast too
  kBroadcast,    // the IPv4 broadcast address of an interface, or 255.255.255.255
  kMulticast,    // 224.0.0.0/4, ff00::/8
  kForward,      // leaves through `out`
  kNoRoute,      // nothing matches
  kUnreachable,  // an `unreachable` route
  kProhibit,
  kBlackhole,
};

struct RouteDecision {
  RouteVerdict verdict = RouteVerdict::kNoRoute;
  // kForward: the egress interface; kLocal: loopback; kBroadcast: the interface of that network
  // (none for 255.255.255.255).
  const Interface* out = nullptr;
  IpAddress next_hop{};  // the gateway, or the destination itself
  // `src` of the route; in IPv4 where it has none, what the kernel derives
  // (fib_info_update_nhc_saddr).
  std::optional<IpAddress> preferred_source{};
};

// A compiled view of a World, which must outlive it and not change.
class RoutingTable {
 public:
  explicit RoutingTable(const World& world);

  // With `only_through`, routes of other interfaces do not count, as for destinations of link or
  // host scope in IPv6 (net/ipv6/route.c rt6_need_strict()).
  RouteDecision lookup(const IpAddress& destination, const Interface* only_through = nullptr) const;

  // The way of a packet that the node itself sends: as lookup(), but groups and the limited
  // broadcast leave through an interface.
  RouteDecision output(const IpAddress& destination, const Interface* bound_to = nullptr) const;

  // An address of the node's own, as `-m addrtype` has it; no broadcast, no anycast.
  bool is_local(const IpAddress& address) const;

  // Exactly the address of an interface: 127.0.0.1 usually is one, 127.0.0.2 is only local.
  bool is_configured(const IpAddress& address) const;

  // Exactly the address of an interface, or in IPv6 the anycast address of its subnet.
  // With `at`, only of that one.
  bool is_of_an_interface(const IpAddress& address, const Interface* at = nullptr) const;

  // The interface whose address it is, or that the way there leads through; null without a way.
  const Interface* carrier(const IpAddress& address) const;

  // Of IPv6: not the address of one node, as far as routes tell (ipv6_anycast_destination()).
  bool is_anycast(const IpAddress& address) const;

  // Beside those to the addresses of interfaces.
  bool has_further_local_routes(Family family) const {
    return further_local_[family == Family::kIpv4 ? 0 : 1];
  }

  // An interface that others are ports of.
  bool is_bridge(const Interface& interface) const;

  // The address that MASQUERADE takes when a packet leaves through `out` toward `next_hop`:
  // inet_select_addr() at universe scope for IPv4, RFC 6724 for IPv6. Empty where the node has no
  // usable address.
  std::optional<IpAddress> select_source(const Interface& out, const IpAddress& destination,
                                         const IpAddress& next_hop) const;

  // The address of a packet that the node itself makes for `destination`, routed by `route`: unlike
  // MASQUERADE it follows the route's `src`.
  std::optional<IpAddress> local_source(const RouteDecision& route,
                                        const IpAddress& destination) const;

 private:
  struct Entry {
    Cidr destination{};
    uint32_t metric = 0;
    bool next_hop_is_destination = true;
    const Interface* device = nullptr;  // that carries the route; of a local one, its address
    RouteDecision decision{};
  };
  // Longest prefix first, then lowest metric, then first come.
  struct Table {
    PrefixMap<Entry> entries;

    void fill(const std::vector<Entry>& all);
    const Entry* find(const IpAddress& destination, const Interface* only_through) const;
  };

  const Entry* find(const IpAddress& destination, const Interface* only_through) const;
  static RouteDecision decide(const Entry* entry, const IpAddress& destination);
  void add_local_routes(const Interface& interface, const InterfaceAddress& address,
                        std::vector<Entry>& routes) const;
  Entry compile(const Route& route) const;

  const World& world_;
  Table local_;
  Table main_;
  std::array<bool, 2> further_local_{};  // IPv4, IPv6
};

}  // namespace kubeproof
