#include "model/proxier/udp_cleanup.h"

#include <algorithm>
#include <map>
#include <set>

#include "model/proxier/endpoints.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/service_port.h"

namespace kubeproof::proxier {
namespace {

// What decides whether a Service's endpoints have changed, and whether any is for UDP.
struct ServiceEndpoints {
  std::set<std::string> facts;
  bool udp = false;

  friend bool operator==(const ServiceEndpoints&, const ServiceEndpoints&) = default;
};

std::map<ObjectKey, ServiceEndpoints> by_service(const EndpointsByPort& endpoints) {
  std::map<ObjectKey, ServiceEndpoints> services;
  for (const auto& [port, list] : endpoints) {
    ServiceEndpoints& service = services[port.service];
    service.udp |= port.protocol == kUdp;
    for (const Endpoint& endpoint : list) {
      std::string fact = port.to_string();
      fact += lower_case(port.protocol);
      fact += endpoint.id;
      for (const bool flag :
           {endpoint.local, endpoint.ready, endpoint.serving, endpoint.terminating,
            endpoint.hinted_to_node, endpoint.hinted_to_zone}) {
        fact += flag ? '1' : '0';
      }
      service.facts.insert(std::move(fact));
    }
  }
  return services;
}

EndpointsByPort endpoints_of(Family family, const World& world, const Cluster& cluster,
                             const ProxyConfig& config) {
  return endpoints_by_port(cluster, family, identify_node(world.node_name, cluster, config),
                           Release(config));
}

}  // namespace

UdpCleanup::UdpCleanup(Family family, const World& world, const Cluster& cluster,
                       const ProxyConfig& config)
    : compares_ports_(Release(config).udp_cleanup_compares_ports()) {
  const auto all = endpoints_of(family, world, cluster, config);
  for (const auto& [key, service] : cluster.services) {
    for (const ServicePortInfo& port : service_ports(service, family, Release(config))) {
      const auto found = all.find(port.name);
      if (port.name.protocol != kUdp || found == all.end()) continue;
      Endpoints serving;
      for (const Endpoint& endpoint : found->second) {
        if (endpoint.serving) serving.insert(endpoint.address);
      }
      if (serving.empty()) continue;
      by_frontend_[{port.cluster_ip, port.port}] = serving;
      for (const IpAddress& vip : port.load_balancer_vips) by_frontend_[{vip, port.port}] = serving;
      for (const IpAddress& ip : port.external_ips) by_frontend_[{ip, port.port}] = serving;
      if (port.node_port != 0) by_node_port_[port.node_port] = serving;
    }
  }
}

bool UdpCleanup::is_due(Family family, const World& world, const Cluster& before,
                        const Cluster& after, const ProxyConfig& config) {
  const auto old_services = by_service(endpoints_of(family, world, before, config));
  const auto new_services = by_service(endpoints_of(family, world, after, config));
  const ServiceEndpoints none;
  const auto of = [&none](const auto& services, const ObjectKey& key) -> const ServiceEndpoints& {
    const auto found = services.find(key);
    return found == services.end() ? none : found->second;
  };
  const auto changed_udp = [&](const ObjectKey& key) {
    const ServiceEndpoints& was = of(old_services, key);
    const ServiceEndpoints& is = of(new_services, key);
    return (was.udp || is.udp) && was != is;
  };
  const auto any = [&](const auto& services) {
    return std::any_of(services.begin(), services.end(),
                       [&](const auto& service) { return changed_udp(service.first); });
  };
  return any(old_services) || any(new_services);
}

bool UdpCleanup::is_stale(const SocketAddress& destination, const SocketAddress& replier) const {
  const auto frontend = by_frontend_.find(destination);
  if (frontend != by_frontend_.end() && !serves(frontend->second, replier)) return true;
  const auto node_port = by_node_port_.find(destination.port);
  return node_port != by_node_port_.end() && !serves(node_port->second, replier);
}

bool UdpCleanup::serves(const Endpoints& endpoints, const SocketAddress& replier) const {
  if (compares_ports_) return endpoints.contains(replier);
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const SocketAddress& endpoint) {
    return endpoint.address == replier.address;
  });
}

}  // namespace kubeproof::proxier
