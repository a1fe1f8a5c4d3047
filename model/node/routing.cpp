#include "model/node/routing.h"

#include <algorithm>
#include <utility>

#include "model/node/source_address.h"

namespace kubeproof {
namespace {

RouteVerdict verdict_of(RouteType type) {
  switch (type) {
    case RouteType::kUnicast:
      return RouteVerdict::kForward;
    case RouteType::kLocal:
      return RouteVerdict::kLocal;
    case RouteType::kBroadcast:
      return RouteVerdict::kBroadcast;
    case RouteType::kUnreachable:
      return RouteVerdict::kUnreachable;
    case RouteType::kBlackhole:
      return RouteVerdict::kBlackhole;
    case RouteType::kProhibit:
      return RouteVerdict::kProhibit;
  }
  return RouteVerdict::kNoRoute;
}

IpAddress broadcast_of(const Cidr& network) {
  const uint64_t hosts = uint64_t{1} << (32 - std::min<int>(network.prefix_length(), 32));
  return IpAddress::v4(network.base().v4_host_order() | static_cast<uint32_t>(hosts - 1));
}

bool has_ipv6_address(const Interface& interface) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [](const InterfaceAddress& each) { return !each.address.is_v4(); });
}

// A secondary IPv4 address lends its routes the primary one of its subnet as their source.
IpAddress primary_of(const Interface& interface, const InterfaceAddress& address) {
  if (!address.secondary || !address.address.is_v4()) return address.address;
  for (const InterfaceAddress& other : interface.addresses) {
    if (!other.secondary && other.subnet() == address.subnet()) return other.address;
  }
  return address.address;
}

}  // namespace

void RoutingTable::Table::fill(const std::vector<Entry>& all) {
  std::vector<PrefixMap<Entry>::Item> items;
  items.reserve(all.size());
  for (const Entry& entry : all) items.push_back({entry.destination, entry});
  entries = PrefixMap<Entry>(std::move(items),
                             [](const Entry& a, const Entry& b) { return a.metric < b.metric; });
}

const RoutingTable::Entry* RoutingTable::Table::find(const IpAddress& destination,
                                                     const Interface* only_through) const {
  return entries.find(destination, [only_through](const Entry& entry) {
    return only_through == nullptr || entry.device == only_through;
  });
}

RoutingTable::RoutingTable(const World& world) : world_(world) {
  std::vector<Entry> own;
  for (const Interface& interface : world.interfaces) {
    for (const InterfaceAddress& address : interface.addresses) {
      add_local_routes(interface, address, own);
    }
  }
  local_.fill(own);

  std::vector<Entry> routes;
  for (const Route& route : world.routes) {
    routes.push_back(compile(route));
    if (route.type == RouteType::kLocal) {
      further_local_[route.destination.family() == Family::kIpv4 ? 0 : 1] = true;
    }
  }
  main_.fill(routes);
}

void RoutingTable::add_local_routes(const Interface& interface, const InterfaceAddress& address,
                                    std::vector<Entry>& routes) const {
  const IpAddress source = primary_of(interface, address);
  const auto add = [&](const Cidr& destination, RouteVerdict verdict, const Interface* out) {
    routes.push_back({.destination = destination,
                      .device = &interface,
                      .decision = {.verdict = verdict, .out = out, .preferred_source = source}});
  };
  const Interface* loopback = &world_.loopback();
  const Cidr network = address.subnet();
  add(Cidr::host(address.address), RouteVerdict::kLocal, loopback);

  if (!address.address.is_v4()) {
    // Subnet-router anycast, which a forwarding node answers (RFC 4291, addrconf_join_anycast()).
    if (world_.sysctls.ip_forward && address.prefix_length < 127 &&
        !network.base().is_unspecified()) {
      add(Cidr::host(network.base()), RouteVerdict::kLocal, loopback);
    }
    return;
  }
  if (address.broadcast && !address.broadcast->is_limited_broadcast()) {
    add(Cidr::host(*address.broadcast), RouteVerdict::kBroadcast, &interface);
  }
  if (address.secondary || network.base().is_unspecified()) return;
  // The whole prefix of an address on loopback is local: 127.0.0.0/8.
  if (interface.kind == InterfaceKind::kLoopback && network != Cidr::host(address.address)) {
    add(network, RouteVerdict::kLocal, loopback);
  }
  if (address.prefix_length < 31) {
    add(Cidr::host(broadcast_of(network)), RouteVerdict::kBroadcast, &interface);
  }
}

RoutingTable::Entry RoutingTable::compile(const Route& route) const {
  Entry entry{.destination = route.destination,
              .metric = route.metric,
              .next_hop_is_destination = !route.gateway,
              .device = world_.find_interface(route.interface),
              .decision = {.verdict = verdict_of(route.type),
                           .out = world_.find_interface(route.interface),
                           .next_hop = route.gateway.value_or(IpAddress()),
                           .preferred_source = route.preferred_source}};
  if (route.type == RouteType::kLocal) entry.decision.out = &world_.loopback();
  if (!entry.decision.preferred_source && route.destination.family() == Family::kIpv4 &&
      entry.decision.out != nullptr && route.type != RouteType::kLocal) {
    // Routes without a gateway have link scope (`scope link`), and so may take any address that is
    // good on the link.
    entry.decision.preferred_source =
        select_ipv4_source(world_, *entry.decision.out, route.gateway,
                           route.gateway ? AddressScope::kGlobal : AddressScope::kLink);
  }
  return entry;
}

RouteDecision RoutingTable::decide(const Entry* entry, const IpAddress& destination) {
  if (entry == nullptr) return {.next_hop = destination};
  RouteDecision decision = entry->decision;
  if (entry->next_hop_is_destination) decision.next_hop = destination;
  return decision;
}

RouteDecision RoutingTable::lookup(const IpAddress& destination,
                                   const Interface* only_through) const {
  if (destination.is_multicast()) {
    return {.verdict = RouteVerdict::kMulticast, .next_hop = destination};
  }
  if (destination.is_limited_broadcast()) {
    return {.verdict = RouteVerdict::kBroadcast, .next_hop = destination};
  }
  return decide(find(destination, only_through), destination);
}

// IPv4 keeps the two tables in one, and takes the longest prefix of both (fib_trie_unmerge() tells
// when not); IPv6 looks into one after the other.
const RoutingTable::Entry* RoutingTable::find(const IpAddress& destination,
                                              const Interface* only_through) const {
  const Entry* own = local_.find(destination, only_through);
  if (own == nullptr) return main_.find(destination, only_through);
  if (!destination.is_v4() || own->destination.prefix_length() == 32) return own;
  const Entry* other = main_.find(destination, only_through);
  const bool longer =
      other != nullptr && other->destination.prefix_length() > own->destination.prefix_length();
  return longer ? other : own;
}

RouteDecision RoutingTable::output(const IpAddress& destination, const Interface* bound_to) const {
  if (destination.is_v4()) {
    const bool to_many = destination.is_multicast() || destination.is_limited_broadcast();
    return to_many ? decide(main_.find(destination, bound_to), destination)
                   : lookup(destination, bound_to);
  }
  if (!destination.is_multicast()) return lookup(destination, bound_to);
  // addrconf_add_dev(): every interface with an IPv6 address, but loopback, has a route to
  // ff00::/8; the first one wins.
  RouteDecision decision{.verdict = RouteVerdict::kForward, .next_hop = destination};
  for (const Interface& interface : world_.interfaces) {
    if (interface.kind == InterfaceKind::kLoopback || !has_ipv6_address(interface)) continue;
    if (bound_to != nullptr && bound_to != &interface) continue;
    decision.out = &interface;
    return decision;
  }
  return decide(main_.find(destination, bound_to), destination);
}

bool RoutingTable::is_of_an_interface(const IpAddress& address, const Interface* at) const {
  const std::vector<Entry>* entries = local_.entries.at_host(address);
  return entries != nullptr &&
         std::any_of(entries->begin(), entries->end(), [at](const Entry& entry) {
           return entry.decision.verdict == RouteVerdict::kLocal &&
                  (at == nullptr || entry.device == at);
         });
}

const Interface* RoutingTable::carrier(const IpAddress& address) const {
  const Entry* entry = find(address, nullptr);
  return entry == nullptr ? nullptr : entry->device;
}

bool RoutingTable::is_anycast(const IpAddress& address) const {
  if (address.is_v4()) return false;
  constexpr uint8_t kSmallestSubnet = 126;
  if (const Entry* own = local_.find(address, nullptr)) {
    return own->decision.preferred_source != address;
  }
  const Entry* entry = main_.find(address, nullptr);
  return entry != nullptr && entry->next_hop_is_destination && entry->decision.out != nullptr &&
         entry->destination.prefix_length() <= kSmallestSubnet &&
         entry->destination.base() == address;
}

bool RoutingTable::is_bridge(const Interface& interface) const {
  return std::any_of(world_.interfaces.begin(), world_.interfaces.end(),
                     [&](const Interface& port) { return port.master == interface.name; });
}

bool RoutingTable::is_configured(const IpAddress& address) const {
  const std::vector<Entry>* entries = local_.entries.at_host(address);
  if (entries == nullptr) return false;
  return std::any_of(entries->begin(), entries->end(), [&](const Entry& entry) {
    // IPv6 has anycast addresses, too.
    return entry.decision.verdict == RouteVerdict::kLocal &&
           (address.is_v4() || entry.decision.preferred_source == address);
  });
}

// Of an address that is one interface's own and anycast at another, the first to come decides.
bool RoutingTable::is_local(const IpAddress& address) const {
  const Entry* own = local_.find(address, nullptr);
  if (own == nullptr && !has_further_local_routes(address.family())) return false;
  const Entry* entry = find(address, nullptr);
  if (entry == nullptr || entry->decision.verdict != RouteVerdict::kLocal) return false;
  return address.is_v4() || own == nullptr || own->decision.preferred_source == address;
}

std::optional<IpAddress> RoutingTable::select_source(const Interface& out,
                                                     const IpAddress& destination,
                                                     const IpAddress& next_hop) const {
  if (destination.is_v4()) {
    return select_ipv4_source(world_, out, next_hop, AddressScope::kGlobal);
  }
  return select_ipv6_source(world_, out, destination);
}

std::optional<IpAddress> RoutingTable::local_source(const RouteDecision& route,
                                                    const IpAddress& destination) const {
  // What is local by a route alone answers itself (ip_route_output_key_hash_rcu()).
  if (destination.is_v4() && route.verdict == RouteVerdict::kLocal && !route.preferred_source) {
    return destination;
  }
  if (destination.is_v4() || route.out == nullptr) return route.preferred_source;
  if (route.preferred_source && route.verdict != RouteVerdict::kLocal) {
    return route.preferred_source;
  }
  return select_ipv6_source(world_, *route.out, destination);
}

}  // namespace kubeproof
