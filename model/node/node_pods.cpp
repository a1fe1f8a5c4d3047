#include "model/node/node_pods.h"

#include <algorithm>
#include <map>

#include "model/cluster/address_text.h"

namespace kubeproof {

NodePods::NodePods(const NodeSpec& node) : node_name_(node.name), pod_cidrs_(node.pod_cidrs) {
  for (const InterfaceAddress& each : node.addresses) node_addresses_.push_back(each.address);
  if (!node.interfaces) return;
  for (const Interface& interface : *node.interfaces) {
    for (const InterfaceAddress& each : interface.addresses) {
      node_addresses_.push_back(each.address);
    }
  }
}

void NodePods::add(const Cluster& cluster) {
  for (const auto& [key, pod] : cluster.pods) {
    if (pod.node_name == node_name_ && !pod.host_network) add_pod(pod.pod_ips);
  }
  // The endpoints of a dual-stack pod are in one slice for each family; the pod's name joins them.
  std::map<ObjectKey, std::vector<std::string>> endpoints_of;
  for (const auto& [key, slice] : cluster.endpoint_slices) {
    for (const SliceEndpoint& endpoint : slice.endpoints) {
      if (endpoint.node_name != node_name_ || !endpoint.target_pod) continue;
      auto& addresses = endpoints_of[{key.name_space, *endpoint.target_pod}];
      addresses.insert(addresses.end(), endpoint.addresses.begin(), endpoint.addresses.end());
    }
  }
  for (const auto& [key, addresses] : endpoints_of) add_pod(addresses);
  for (const auto& [key, slice] : cluster.endpoint_slices) {
    for (const SliceEndpoint& endpoint : slice.endpoints) {
      if (endpoint.node_name == node_name_ && !endpoint.target_pod) add_pod(endpoint.addresses);
    }
  }
}

void NodePods::add_traffic_address(const IpAddress& address) {
  if (std::any_of(pod_cidrs_.begin(), pod_cidrs_.end(),
                  [&](const Cidr& cidr) { return cidr.contains(address); })) {
    add_pod(std::vector{address});
  }
}

void NodePods::add_pod(const std::vector<std::string>& address_texts) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : address_texts) {
    if (const auto address = parse_sloppy_address(text)) addresses.push_back(*address);
  }
  add_pod(addresses);
}

void NodePods::add_pod(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> fresh;
  size_t place = pods_.size();
  for (const IpAddress& address : addresses) {
    if (is_node_address(address)) continue;
    const auto found = pod_of_.find(address);
    if (found == pod_of_.end()) {
      if (std::find(fresh.begin(), fresh.end(), address) == fresh.end()) fresh.push_back(address);
    } else if (place == pods_.size()) {
      place = found->second;
    }
  }
  if (fresh.empty()) return;
  if (place == pods_.size()) pods_.emplace_back();
  for (const IpAddress& address : fresh) {
    pods_[place].push_back(address);
    pod_of_.emplace(address, place);
  }
}

bool NodePods::is_node_address(const IpAddress& address) const {
  return address.is_loopback() || std::find(node_addresses_.begin(), node_addresses_.end(),
                                            address) != node_addresses_.end();
}

}  // namespace kubeproof
