#include "model/proxier/udp_reconciliation.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace kubeproof::proxier {
namespace {

// kube-proxy notes changes by Service (endpointschangetracker.go): any port of it that changed
// makes it look, if any port of it is UDP.
using PortsOfService = std::map<ServicePortName, std::vector<Endpoint>>;

std::map<ObjectKey, PortsOfService> by_service(const EndpointsByPort& endpoints) {
  std::map<ObjectKey, PortsOfService> result;
  for (const auto& [name, list] : endpoints) result[name.service][name] = list;
  return result;
}

bool has_udp(const PortsOfService& ports) {
  return std::any_of(ports.begin(), ports.end(),
                     [](const auto& port) { return port.first.protocol == kUdp; });
}

bool changed_udp(const EndpointsByPort& before, const EndpointsByPort& after) {
  auto old_services = by_service(before);
  for (const auto& [service, ports] : by_service(after)) {
    const PortsOfService old = std::move(old_services[service]);
    old_services.erase(service);
    if (old != ports && (has_udp(old) || has_udp(ports))) return true;
  }
  return std::any_of(old_services.begin(), old_services.end(),
                     [](const auto& service) { return has_udp(service.second); });
}

// UDP ports of services that are no longer.
std::vector<const ServicePortInfo*> deleted_ports(const ServiceState& before,
                                                  const ServiceState& after) {
  std::vector<const ServicePortInfo*> deleted;
  for (const auto& [name, port] : before.ports) {
    if (name.protocol == kUdp && !after.ports.contains(name)) deleted.push_back(&port);
  }
  return deleted;
}

}  // namespace

bool UdpReconciliation::is_due(const ServiceState& before, const ServiceState& after,
                               Release release) {
  return changed_udp(before.endpoints, after.endpoints) ||
         (release.udp_cleanup_ends_flows_to_nowhere() && !deleted_ports(before, after).empty());
}

UdpReconciliation::UdpReconciliation(const ServiceState& before, const ServiceState& after,
                                     Release release)
    : compare_ports_(release.udp_cleanup_compares_ports()) {
  const bool to_nowhere = release.udp_cleanup_ends_flows_to_nowhere();
  // First, since a service that is there may have taken the addresses of one that is not.
  if (to_nowhere) {
    for (const ServicePortInfo* port : deleted_ports(before, after)) add(*port, {});
  }
  for (const auto& [name, port] : after.ports) {
    if (name.protocol != kUdp) continue;
    Serving serving;
    for (const Endpoint& endpoint : after.endpoints_of(name)) {
      if (!endpoint.serving) continue;
      serving.insert(compare_ports_ ? endpoint.address
                                    : SocketAddress{endpoint.address.address, 0});
    }
    if (to_nowhere || !serving.empty()) add(port, serving);
  }
}

void UdpReconciliation::add(const ServicePortInfo& port, const Serving& serving) {
  frontends_[{port.cluster_ip, port.port}] = serving;
  for (const IpAddress& vip : port.load_balancer_vips) frontends_[{vip, port.port}] = serving;
  for (const IpAddress& ip : port.external_ips) frontends_[{ip, port.port}] = serving;
  if (port.node_port != 0) node_ports_[port.node_port] = serving;
}

bool UdpReconciliation::serves(const Serving& serving, const SocketAddress& endpoint) const {
  return serving.contains(compare_ports_ ? endpoint : SocketAddress{endpoint.address, 0});
}

bool UdpReconciliation::contains(const SocketAddress& original_destination,
                                 const SocketAddress& reply_source) const {
  const auto frontend = frontends_.find(original_destination);
  if (frontend != frontends_.end() && !serves(frontend->second, reply_source)) return true;
  const auto node_port = node_ports_.find(original_destination.port);
  return node_port != node_ports_.end() && !serves(node_port->second, reply_source);
}

}  // namespace kubeproof::proxier
