// What fib_add_ifaddr() (net/ipv4/fib_frontend.c) and addrconf_join_anycast() (net/ipv6/addrconf.c)
// put into table local, and what the routes of a world make local besides. Of an address that is
// there for several reasons the first one tells what it is. Left out: 127.0.0.0/8, which the
// programs know themselves.
#include "datapath/control/local_addresses.h"

#include <algorithm>
#include <utility>

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

// A secondary address stands in the routing table with the primary one of its subnet for a source.
const IpAddress& source_toward(const InterfaceAddress& own, const Interface& interface) {
  if (!own.secondary) return own.address;
  for (const InterfaceAddress& other : interface.addresses) {
    if (!other.secondary && other.subnet() == own.subnet()) return other.address;
  }
  return own.address;
}

bool is_host(const Cidr& destination) {
  return destination.prefix_length() == (destination.family() == Family::kIpv4 ? 32 : 128);
}

IpAddress last_of(const Cidr& network) {
  const uint32_t hosts = ~uint32_t{0} >> network.prefix_length();
  return IpAddress::v4(network.base().v4_host_order() | hosts);
}

// Of those that have this very destination, of which there is one at least.
const Route& best_route(const World& world, const Cidr& destination) {
  return *std::min_element(world.routes.begin(), world.routes.end(),
                           [&](const Route& a, const Route& b) {
                             const bool a_leads = a.destination == destination;
                             const bool b_leads = b.destination == destination;
                             return a_leads == b_leads ? a.metric < b.metric : a_leads;
                           });
}

bool is_in_local_prefix(const World& world, const Cidr& destination) {
  return std::any_of(world.routes.begin(), world.routes.end(), [&](const Route& route) {
    return route.type == RouteType::kLocal && !is_host(route.destination) &&
           route.destination.family() == destination.family() &&
           route.destination.prefix_length() <= destination.prefix_length() &&
           route.destination.contains(destination.base());
  });
}

class AddressList {
 public:
  explicit AddressList(const World& world) : world_(world) {
    for (const Interface& interface : world.interfaces) {
      for (const InterfaceAddress& each : interface.addresses)
        add_interface_address(interface, each);
    }
    for (const Route& route : world.routes) add_route(route);
  }

  LocalAddresses take() { return std::move(addresses_); }

 private:
  void add_interface_address(const Interface& interface, const InterfaceAddress& own) {
    const IpAddress& source = source_toward(own, interface);
    add(own.address, 0, source).flags |= abi::LOCAL_ADDRESS_CONFIGURED;
    if (!own.address.is_v4()) return add_anycast(own);
    if (own.broadcast && !own.broadcast->is_limited_broadcast()) {
      add(*own.broadcast, abi::LOCAL_ADDRESS_SHARED, source);
    }
    const Cidr network = own.subnet();
    if (!own.secondary && !network.base().is_unspecified() && own.prefix_length < 31) {
      add(last_of(network), abi::LOCAL_ADDRESS_SHARED, source);
    }
  }

  void add_anycast(const InterfaceAddress& own) {
    const IpAddress router = own.subnet().base();
    const bool joins = world_.sysctls.ip_forward && own.prefix_length < 127;
    if (joins && !router.is_unspecified()) add(router, abi::LOCAL_ADDRESS_SHARED, router);
  }

  void add_route(const Route& route) {
    if (!is_host(route.destination)) return;
    const Route& best = best_route(world_, route.destination);
    const IpAddress address = route.destination.base();
    if (best.type == RouteType::kLocal) add(address, 0, best.preferred_source.value_or(address));
  }

  // `source`: of what the node sends there.
  abi::local_address& add(const IpAddress& address, uint32_t flags, const IpAddress& source) {
    abi::local_address entry{};
    entry.flags = flags;
    if (address.is_v4()) entry.source = to_abi(source).words[0];
    return addresses_.try_emplace(address, entry).first->second;
  }

  const World& world_;
  LocalAddresses addresses_;
};

}  // namespace

LocalAddresses local_addresses(const World& world) {
  return AddressList(world).take();
}

LocalPrefixes local_prefixes(const World& world) {
  LocalPrefixes prefixes;
  for (const Route& route : world.routes) {
    if (!is_in_local_prefix(world, route.destination)) continue;
    const Route& best = best_route(world, route.destination);
    abi::local_address entry{};
    if (best.type != RouteType::kLocal) entry.flags = abi::LOCAL_ADDRESS_ELSEWHERE;
    if (best.preferred_source && best.preferred_source->is_v4()) {
      entry.source = to_abi(*best.preferred_source).words[0];
    }
    prefixes.emplace(route.destination, entry);
  }
  return prefixes;
}

bool has_further_local_routes(const World& world, Family family) {
  return std::any_of(world.routes.begin(), world.routes.end(), [family](const Route& route) {
    return route.type == RouteType::kLocal && route.destination.family() == family;
  });
}

}  // namespace kubeproof::control
