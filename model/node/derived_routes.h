// Routes that follow from addresses, as the kernel adds them (net/ipv4/fib_frontend.c
// fib_add_ifaddr, net/ipv6/addrconf.c addrconf_prefix_route), and those that an administrator or a
// network plugin would add to them.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "model/node/world.h"

namespace kubeproof {

// The routes to the subnets of all interfaces' addresses. Those of loopback are in table local and
// are not listed.
std::vector<Route> connected_routes(const std::vector<Interface>& interfaces);

// For each family that the interface has a global address of: through the first host of the
// address's subnet that is not an address of the interface, or onto the link where the subnet has
// none.
std::vector<Route> default_routes(const Interface& uplink);

// To an address at the other end of an interface's link.
Route link_route(const IpAddress& address, uint32_t interface);

// The first host address of a subnet that is not taken.
std::optional<IpAddress> first_host(const Cidr& subnet,
                                    const std::function<bool(const IpAddress&)>& taken);

}  // namespace kubeproof
