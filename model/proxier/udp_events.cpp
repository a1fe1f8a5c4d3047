#include "model/proxier/udp_events.h"

#include <algorithm>
#include <vector>

namespace kubeproof::proxier {
namespace {

// Whether an endpoint can have had traffic.
bool counts(const Endpoint& endpoint, Release release) {
  if (release.udp_cleanup_counts_serving()) return endpoint.serving;
  return endpoint.ready || !release.udp_cleanup_counts_ready();
}

bool any_counts(const std::vector<Endpoint>& endpoints, Release release) {
  return std::any_of(endpoints.begin(), endpoints.end(),
                     [&](const Endpoint& each) { return counts(each, release); });
}

bool is_gone(const Endpoint& endpoint, const std::vector<Endpoint>& from, Release release) {
  return std::none_of(from.begin(), from.end(), [&](const Endpoint& each) {
    return each.id == endpoint.id &&
           (counts(each, release) || !release.udp_cleanup_ends_flows_to_unready()) &&
           (each.local == endpoint.local || !release.udp_cleanup_tells_local_apart());
  });
}

std::vector<IpAddress> addresses_of(const ServicePortInfo& port) {
  std::vector<IpAddress> addresses = {port.cluster_ip};
  addresses.insert(addresses.end(), port.external_ips.begin(), port.external_ips.end());
  addresses.insert(addresses.end(), port.load_balancer_vips.begin(), port.load_balancer_vips.end());
  return addresses;
}

}  // namespace

UdpEvents::UdpEvents(const ServiceState& before, const ServiceState& after, Release release) {
  for (const auto& [name, port] : before.ports) {
    if (name.protocol == kUdp && !after.ports.contains(name)) addresses_.insert(port.cluster_ip);
  }
  for (const auto& [name, port] : after.ports) {
    if (name.protocol != kUdp) continue;
    const std::vector<Endpoint>& old = before.endpoints_of(name);
    const std::vector<Endpoint>& present = after.endpoints_of(name);
    for (const Endpoint& endpoint : old) {
      if (counts(endpoint, release) && is_gone(endpoint, present, release)) {
        endpoint_gone(port, endpoint.address.address);
      }
    }
    if (any_counts(present, release) && !any_counts(old, release)) first_endpoint(port);
  }
}

void UdpEvents::endpoint_gone(const ServicePortInfo& port, const IpAddress& endpoint) {
  for (const IpAddress& address : addresses_of(port)) translated_.emplace(address, endpoint);
  if (port.node_port != 0) translated_node_ports_.emplace(port.node_port, endpoint);
}

void UdpEvents::first_endpoint(const ServicePortInfo& port) {
  for (const IpAddress& address : addresses_of(port)) addresses_.insert(address);
  if (port.node_port != 0) node_ports_.insert(port.node_port);
}

bool UdpEvents::any() const {
  return !addresses_.empty() || !node_ports_.empty() || !translated_.empty() ||
         !translated_node_ports_.empty();
}

bool UdpEvents::contains(const SocketAddress& original_destination,
                         const SocketAddress& reply_source) const {
  if (addresses_.contains(original_destination.address) ||
      node_ports_.contains(original_destination.port)) {
    return true;
  }
  // `--dst-nat` finds only flows whose address was translated.
  if (original_destination.address == reply_source.address) return false;
  return translated_.contains({original_destination.address, reply_source.address}) ||
         translated_node_ports_.contains({original_destination.port, reply_source.address});
}

}  // namespace kubeproof::proxier
