#include "model/node/interface_kinds.h"

#include <algorithm>
#include <utility>

namespace kubeproof {
namespace {

constexpr uint32_t kLoopbackIndex = 1;  // in every network namespace

// The interface of the node's default route, of IPv4 where there are two; else the first one that
// has a global address.
Interface* choose_uplink(World& world) {
  const Route* best = nullptr;
  for (const Route& route : world.routes) {
    if (route.destination.prefix_length() != 0 || route.type != RouteType::kUnicast) continue;
    const auto rank = [](const Route& each) {
      return std::pair(each.destination.family(), each.metric);
    };
    if (best == nullptr || rank(route) < rank(*best)) best = &route;
  }
  for (Interface& interface : world.interfaces) {
    if (interface.kind == InterfaceKind::kLoopback) continue;
    const bool has_global_address =
        std::any_of(interface.addresses.begin(), interface.addresses.end(),
                    [](const auto& each) { return each.scope == AddressScope::kGlobal; });
    if (best != nullptr ? interface.index == best->interface : has_global_address) {
      return &interface;
    }
  }
  return nullptr;
}

// Interfaces without an address of their own that host routes lead to.
void mark_pod_interfaces(World& world) {
  for (Interface& interface : world.interfaces) {
    if (interface.kind != InterfaceKind::kOther) continue;
    const bool has_address =
        std::any_of(interface.addresses.begin(), interface.addresses.end(),
                    [](const auto& each) { return each.scope != AddressScope::kLink; });
    const bool leads_to_host =
        std::any_of(world.routes.begin(), world.routes.end(), [&](const Route& route) {
          return route.interface == interface.index && !route.gateway &&
                 route.destination == Cidr::host(route.destination.base());
        });
    if (!has_address && leads_to_host) interface.kind = InterfaceKind::kPod;
  }
}

Result<void> check_interfaces(const World& world) {
  for (auto each = world.interfaces.begin(); each != world.interfaces.end(); ++each) {
    const bool repeated = std::any_of(world.interfaces.begin(), each, [&](const Interface& other) {
      return other.index == each->index || other.name == each->name;
    });
    if (repeated) {
      return bad_input("node.interfaces: '{}' (index {}) occurs twice", each->name, each->index);
    }
  }
  const auto lo =
      std::find_if(world.interfaces.begin(), world.interfaces.end(),
                   [](const Interface& each) { return each.kind == InterfaceKind::kLoopback; });
  if (lo == world.interfaces.end() || lo->index != kLoopbackIndex) {
    return bad_input("node.interfaces: expected the loopback interface, with index {}",
                     kLoopbackIndex);
  }
  return {};
}

}  // namespace

Result<void> tell_interface_kinds(World& world) {
  if (auto checked = check_interfaces(world); !checked) return checked;
  Interface* uplink = choose_uplink(world);
  if (uplink == nullptr) {
    return bad_input("node.interfaces: expected an uplink, with a default route or an address");
  }
  uplink->kind = InterfaceKind::kUplink;
  mark_pod_interfaces(world);
  return {};
}

}  // namespace kubeproof
