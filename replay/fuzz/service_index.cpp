#include "replay/fuzz/service_index.h"

#include <algorithm>

#include "model/proxier/node_identity.h"

namespace kubeproof::explore {
namespace {

bool has_role(const proxier::ServicePortInfo& port, const IpAddress& address, FrontendRole role) {
  const auto among = [&](const std::vector<IpAddress>& addresses) {
    return std::find(addresses.begin(), addresses.end(), address) != addresses.end();
  };
  switch (role) {
    case FrontendRole::kClusterIp:
      return port.cluster_ip == address;
    case FrontendRole::kExternalIp:
      return among(port.external_ips);
    case FrontendRole::kLoadBalancer:
      return among(port.load_balancer_vips);
  }
  return false;
}

constexpr FrontendRole kRoles[] = {FrontendRole::kClusterIp, FrontendRole::kExternalIp,
                                   FrontendRole::kLoadBalancer};

}  // namespace

ServiceIndex::ServiceIndex(const Cluster& cluster, const World& world, const ProxyConfig& proxy)
    : cluster_(cluster), node_name_(world.node_name) {
  const proxier::Release release(proxy);
  const auto node = proxier::identify_node(world.node_name, cluster, proxy);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    OfFamily& of_family = families_[family == Family::kIpv4 ? 0 : 1];
    for (const auto& [key, service] : cluster.services) {
      for (auto& port : proxier::service_ports(service, family, release)) {
        of_family.ports.push_back(std::move(port));
      }
    }
    of_family.endpoints = proxier::endpoints_by_port(cluster, family, node, release);
  }
}

std::vector<Frontend> ServiceIndex::frontends(const SocketAddress& at, uint8_t protocol) const {
  std::vector<Frontend> found;
  for (const auto& port : of(at.address.family()).ports) {
    if (port.port != at.port || port.name.protocol != protocol) continue;
    for (const FrontendRole role : kRoles) {
      if (has_role(port, at.address, role)) found.push_back({&port, protocol, role});
    }
  }
  return found;
}

bool ServiceIndex::is_frontend_address(const IpAddress& address, FrontendRole role) const {
  const auto& ports = of(address.family()).ports;
  return std::any_of(ports.begin(), ports.end(),
                     [&](const auto& port) { return has_role(port, address, role); });
}

const proxier::ServicePortInfo* ServiceIndex::find(Family family, std::string_view name,
                                                   uint8_t protocol) const {
  for (const auto& port : of(family).ports) {
    if (port.name.protocol == protocol && port.name.to_string() == name) return &port;
  }
  return nullptr;
}

bool ServiceIndex::has_address(std::string_view name, const IpAddress& address,
                               FrontendRole role) const {
  const auto& ports = of(address.family()).ports;
  return std::any_of(ports.begin(), ports.end(), [&](const auto& port) {
    return has_role(port, address, role) && port.name.to_string() == name;
  });
}

bool ServiceIndex::has_source_range(std::string_view name, const Cidr& range) const {
  const auto& ports = of(range.family()).ports;
  return std::any_of(ports.begin(), ports.end(), [&](const auto& port) {
    return std::find(port.source_ranges.begin(), port.source_ranges.end(), range) !=
               port.source_ranges.end() &&
           port.name.to_string() == name;
  });
}

const proxier::Endpoint* ServiceIndex::endpoint(const proxier::ServicePortInfo& port,
                                                const SocketAddress& address) const {
  const auto& all = of(address.address.family()).endpoints;
  const auto of_port = all.find(port.name);
  if (of_port == all.end()) return nullptr;
  const auto found = std::find_if(of_port->second.begin(), of_port->second.end(),
                                  [&](const auto& each) { return each.address == address; });
  return found == of_port->second.end() ? nullptr : &*found;
}

bool ServiceIndex::is_other_node(const IpAddress& address) const {
  const std::string text = address.to_string();
  return std::any_of(cluster_.nodes.begin(), cluster_.nodes.end(), [&](const auto& entry) {
    const auto& addresses = entry.second.addresses;
    return entry.first.name != node_name_ &&
           std::any_of(addresses.begin(), addresses.end(),
                       [&](const auto& each) { return each.address == text; });
  });
}

bool ServiceIndex::lists_source_ranges(const proxier::ServicePortInfo& port) const {
  const auto found = cluster_.services.find(port.name.service);
  return found != cluster_.services.end() && !found->second.load_balancer_source_ranges.empty();
}

}  // namespace kubeproof::explore
