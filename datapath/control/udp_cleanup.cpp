#include "datapath/control/udp_cleanup.h"

#include <arpa/inet.h>

#include <algorithm>
#include <vector>

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

SocketAddress at(const abi::address& address, uint16_t port, uint8_t family) {
  return {from_abi(address, family), ntohs(port)};
}

bool has_udp_port(const std::vector<const EndpointSlice*>& slices) {
  return std::any_of(slices.begin(), slices.end(), [](const EndpointSlice* slice) {
    return std::any_of(slice->ports.begin(), slice->ports.end(),
                       [](const SlicePort& port) { return port.protocol == kUdp; });
  });
}

// The keys of the services that have slices.
std::set<ObjectKey> services_with_slices(const Cluster& cluster) {
  std::set<ObjectKey> services;
  for (const auto& [key, slice] : cluster.endpoint_slices) {
    const auto name = slice.labels.find("kubernetes.io/service-name");
    if (name != slice.labels.end()) services.insert({key.name_space, name->second});
  }
  return services;
}

bool same(const std::vector<const EndpointSlice*>& a, const std::vector<const EndpointSlice*>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(),
      [](const EndpointSlice* one, const EndpointSlice* other) { return *one == *other; });
}

}  // namespace

bool udp_endpoints_changed(const Cluster& before, const Cluster& after) {
  const SliceIndex old_slices(before);
  const SliceIndex new_slices(after);
  std::set<ObjectKey> services = services_with_slices(before);
  services.merge(services_with_slices(after));
  return std::any_of(services.begin(), services.end(), [&](const ObjectKey& service) {
    const auto& then = old_slices.of(service);
    const auto& now = new_slices.of(service);
    return !same(then, now) && (has_udp_port(then) || has_udp_port(now));
  });
}

StaleUdpFlows::StaleUdpFlows(const ServiceTable& table) {
  for (const ServiceEntry& entry : table.services) {
    const auto& serving = entry.endpoints.serving;
    if (entry.name.protocol != kUdp || serving.empty()) continue;
    const Endpoints endpoints(serving.begin(), serving.end());
    for (const Frontend& frontend : entry.frontends) {
      if ((frontend.flags & abi::FRONTEND_HEALTH_CHECK) != 0) continue;
      if (frontend.kind == abi::FRONTEND_NODE_PORT) {
        by_node_port_[entry.name.family].emplace(frontend.at.port, endpoints);
      } else {
        by_address_[entry.name.family].emplace(frontend.at, endpoints);
      }
    }
  }
}

bool StaleUdpFlows::contains(const abi::tuple& tuple, const abi::flow& flow) const {
  if (tuple.protocol != kUdp) return false;
  const Family family = tuple.family == abi::FAMILY_IPV4 ? Family::kIpv4 : Family::kIpv6;
  const SocketAddress contacted = at(tuple.destination, tuple.destination_port, tuple.family);
  const SocketAddress answers = at(flow.backend.address, flow.backend.port, tuple.family);
  const auto misses = [&](const auto& by_family, const auto& key) {
    const auto of_family = by_family.find(family);
    if (of_family == by_family.end()) return false;
    const auto endpoints = of_family->second.find(key);
    return endpoints != of_family->second.end() && !endpoints->second.contains(answers);
  };
  return misses(by_address_, contacted) || misses(by_node_port_, contacted.port);
}

}  // namespace kubeproof::control
