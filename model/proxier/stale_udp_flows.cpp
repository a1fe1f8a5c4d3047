#include "model/proxier/stale_udp_flows.h"

#include <map>
#include <string>

#include "model/proxier/endpoints.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/release.h"
#include "model/proxier/service_port.h"

namespace kubeproof {
namespace {

using proxier::Endpoint;
using proxier::EndpointsByPort;
using proxier::ServicePortName;

// kube-proxy notes changes by Service (endpointschangetracker.go): any port of it that changed
// makes it look, if any port of it is UDP.
using PortsOfService = std::map<ServicePortName, std::vector<Endpoint>>;

std::map<ObjectKey, PortsOfService> by_service(const EndpointsByPort& endpoints) {
  std::map<ObjectKey, PortsOfService> result;
  for (const auto& [name, list] : endpoints) result[name.service][name] = list;
  return result;
}

bool has_udp(const PortsOfService& ports) {
  for (const auto& [name, list] : ports) {
    if (name.protocol == kUdp) return true;
  }
  return false;
}

bool changed_udp(const EndpointsByPort& before, const EndpointsByPort& after) {
  auto old_services = by_service(before);
  for (const auto& [service, ports] : by_service(after)) {
    const PortsOfService old = std::move(old_services[service]);
    old_services.erase(service);
    if (old != ports && (has_udp(old) || has_udp(ports))) return true;
  }
  for (const auto& [service, ports] : old_services) {
    if (has_udp(ports)) return true;
  }
  return false;
}

}  // namespace

std::optional<StaleUdpFlows> StaleUdpFlows::after_change(Family family, const Cluster* before,
                                                         const Cluster& after,
                                                         const std::string& node_name,
                                                         const ProxyConfig& config) {
  const proxier::Release release(config);
  const auto read = [&](const Cluster& cluster) {
    return proxier::endpoints_by_port(cluster, family,
                                      proxier::identify_node(node_name, cluster, config), release);
  };
  const EndpointsByPort endpoints = read(after);
  if (!changed_udp(before == nullptr ? EndpointsByPort() : read(*before), endpoints)) return {};

  StaleUdpFlows flows;
  flows.compare_ports_ = release.udp_cleanup_compares_ports();
  for (const auto& [key, service] : after.services) {
    for (const proxier::ServicePortInfo& port : proxier::service_ports(service, family, release)) {
      const auto found = endpoints.find(port.name);
      if (port.name.protocol != kUdp || found == endpoints.end()) continue;
      Serving serving;
      for (const Endpoint& endpoint : found->second) {
        if (!endpoint.serving) continue;
        serving.insert(flows.compare_ports_ ? endpoint.address
                                            : SocketAddress{endpoint.address.address, 0});
      }
      flows.add(port, serving);
    }
  }
  return flows;
}

// A service port without a serving endpoint keeps its flows.
void StaleUdpFlows::add(const proxier::ServicePortInfo& port, const Serving& serving) {
  if (serving.empty()) return;
  frontends_[{port.cluster_ip, port.port}] = serving;
  for (const IpAddress& vip : port.load_balancer_vips) frontends_[{vip, port.port}] = serving;
  for (const IpAddress& ip : port.external_ips) frontends_[{ip, port.port}] = serving;
  if (port.node_port != 0) node_ports_[port.node_port] = serving;
}

bool StaleUdpFlows::serves(const Serving& serving, const SocketAddress& endpoint) const {
  return serving.contains(compare_ports_ ? endpoint : SocketAddress{endpoint.address, 0});
}

bool StaleUdpFlows::contains(const SocketAddress& original_destination,
                             const SocketAddress& reply_source) const {
  const auto frontend = frontends_.find(original_destination);
  if (frontend != frontends_.end() && !serves(frontend->second, reply_source)) return true;
  const auto node_port = node_ports_.find(original_destination.port);
  return node_port != node_ports_.end() && !serves(node_port->second, reply_source);
}

}  // namespace kubeproof
