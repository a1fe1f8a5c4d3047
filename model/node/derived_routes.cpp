#include "model/node/derived_routes.h"

#include <algorithm>
#include <array>
#include <span>

namespace kubeproof {
namespace {

// What `ip -6 route` shows for routes that the kernel made (IP6_RT_PRIO_ADDRCONF).
constexpr uint32_t kKernelMetric6 = 256;

IpAddress next_address(const IpAddress& address) {
  std::array<uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  for (size_t i = address.bytes().size(); i-- > 0;) {
    if (++bytes[i] != 0) break;
  }
  return address.is_v4() ? IpAddress::v4(std::span(bytes).first<4>()) : IpAddress::v6(bytes);
}

bool has_address(const Interface& interface, const IpAddress& address) {
  return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                     [&](const InterfaceAddress& each) { return each.address == address; });
}

// What the kernel routes to the link of an address (net/ipv4/fib_frontend.c fib_add_ifaddr();
// net/ipv6/addrconf.c inet6_addr_add() and, for the peer, __ipv6_ifa_notify()).
std::vector<Cidr> connected_prefixes(const InterfaceAddress& address) {
  const Cidr subnet = address.subnet();
  if (!address.address.is_v4()) {
    if (address.peer) return {subnet, Cidr::host(*address.peer)};
    return {subnet};
  }
  if (address.secondary || subnet == Cidr::host(address.address)) return {};
  return {subnet};
}

}  // namespace

std::vector<Route> connected_routes(const std::vector<Interface>& interfaces) {
  std::vector<Route> routes;
  for (const Interface& interface : interfaces) {
    if (interface.kind == InterfaceKind::kLoopback) continue;
    for (const InterfaceAddress& each : interface.addresses) {
      for (const Cidr& destination : connected_prefixes(each)) {
        Route route;
        route.destination = destination;
        route.interface = interface.index;
        route.metric = each.address.is_v4() ? 0 : kKernelMetric6;
        if (each.address.is_v4()) route.preferred_source = each.address;
        const bool known = std::any_of(routes.begin(), routes.end(), [&](const Route& other) {
          return other.destination == route.destination && other.interface == route.interface;
        });
        if (!known) routes.push_back(route);
      }
    }
  }
  return routes;
}

std::vector<Route> default_routes(const Interface& uplink) {
  std::vector<Route> routes;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto first = std::find_if(
        uplink.addresses.begin(), uplink.addresses.end(), [&](const InterfaceAddress& each) {
          return each.address.family() == family && each.scope == AddressScope::kGlobal;
        });
    if (first == uplink.addresses.end()) continue;
    Route route;
    route.destination = Cidr(IpAddress::unspecified(family), 0);
    route.gateway = first_host(first->subnet(), [&](const IpAddress& candidate) {
      return has_address(uplink, candidate);
    });
    route.interface = uplink.index;
    route.metric = family == Family::kIpv4 ? 0 : kUserMetric6;
    routes.push_back(route);
  }
  return routes;
}

Route link_route(const IpAddress& address, uint32_t interface) {
  Route route;
  route.destination = Cidr::host(address);
  route.interface = interface;
  route.metric = address.is_v4() ? 0 : kUserMetric6;
  return route;
}

std::optional<IpAddress> first_host(const Cidr& subnet,
                                    const std::function<bool(const IpAddress&)>& taken) {
  const size_t host_bits = subnet.base().bytes().size() * 8 - subnet.prefix_length();
  if (host_bits == 0) return std::nullopt;
  // A subnet of two addresses has no network address (RFC 3021, RFC 6164).
  IpAddress candidate = host_bits == 1 ? subnet.base() : next_address(subnet.base());
  while (subnet.contains(candidate) && taken(candidate)) candidate = next_address(candidate);
  if (!subnet.contains(candidate)) return std::nullopt;
  return candidate;
}

}  // namespace kubeproof
