#include "model/node/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

namespace kubeproof {
namespace {

template <class Predicate>
const Interface* find_if(const std::vector<Interface>& interfaces, Predicate predicate) {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(), predicate);
  return found == interfaces.end() ? nullptr : &*found;
}

// The interface of the best route to an address; null where no route leads through one.
const Interface* interface_toward(const World& world, const IpAddress& address) {
  const Route* best = nullptr;
  for (const Route& route : world.routes) {
    if (!route.destination.contains(address)) continue;
    if (best != nullptr) {
      const int longer = route.destination.prefix_length() - best->destination.prefix_length();
      if (longer < 0 || (longer == 0 && route.metric >= best->metric)) continue;
    }
    best = &route;
  }
  if (best == nullptr || best->type != RouteType::kUnicast) return nullptr;
  return world.find_interface(best->interface);
}

// The first host route out of an interface: the pod at the other end of a pod's link.
const Route* host_route(const World& world, uint32_t interface) {
  for (const Route& route : world.routes) {
    if (route.interface == interface && route.destination == Cidr::host(route.destination.base())) {
      return &route;
    }
  }
  return nullptr;
}

}  // namespace

std::string_view to_string(AddressScope scope) {
  switch (scope) {
    case AddressScope::kGlobal:
      return "global";
    case AddressScope::kSite:
      return "site";
    case AddressScope::kLink:
      return "link";
    case AddressScope::kHost:
      return "host";
  }
  return "global";
}

std::string_view to_string(RouteType type) {
  switch (type) {
    case RouteType::kUnicast:
      return "unicast";
    case RouteType::kLocal:
      return "local";
    case RouteType::kBroadcast:
      return "broadcast";
    case RouteType::kUnreachable:
      return "unreachable";
    case RouteType::kBlackhole:
      return "blackhole";
    case RouteType::kProhibit:
      return "prohibit";
  }
  return "unicast";
}

const Interface* World::find_interface(uint32_t index) const {
  return find_if(interfaces, [&](const Interface& each) { return each.index == index; });
}

const Interface* World::find_interface(std::string_view name) const {
  return find_if(interfaces, [&](const Interface& each) { return each.name == name; });
}

const Interface& World::loopback() const {
  const Interface* found = find_if(
      interfaces, [](const Interface& each) { return each.kind == InterfaceKind::kLoopback; });
  assert(found != nullptr);
  return *found;
}

const Interface& World::uplink() const {
  const Interface* found = find_if(
      interfaces, [](const Interface& each) { return each.kind == InterfaceKind::kUplink; });
  assert(found != nullptr);
  return *found;
}

bool World::is_local(const IpAddress& address) const {
  if (address.is_loopback()) return true;
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const Interface& interface) {
    return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                       [&](const InterfaceAddress& each) { return each.address == address; });
  });
}

Ingress World::ingress_for_source(const IpAddress& source) const {
  if (is_local(source)) return Ingress::host();
  const Interface* interface = interface_toward(*this, source);
  if (interface == nullptr || interface->kind == InterfaceKind::kLoopback) {
    return {uplink().index};
  }
  return {interface->index};
}

std::string World::describe(Ingress ingress) const {
  if (ingress.is_host()) return "host";
  const Interface* interface = find_interface(ingress.interface);
  if (interface == nullptr) return fmt::format("interface {}", ingress.interface);
  switch (interface->kind) {
    case InterfaceKind::kLoopback:
      return fmt::format("loopback ({})", interface->name);
    case InterfaceKind::kUplink:
      return fmt::format("uplink ({})", interface->name);
    case InterfaceKind::kPod:
      if (const Route* route = host_route(*this, interface->index)) {
        return fmt::format("pod {} ({})", route->destination.base().to_string(), interface->name);
      }
      return fmt::format("pod ({})", interface->name);
    case InterfaceKind::kOther:
      break;
  }
  return fmt::format("interface {}", interface->name);
}

}  // namespace kubeproof
