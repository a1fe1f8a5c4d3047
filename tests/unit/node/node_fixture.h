// Short forms of what the tests of this room are made of.
#pragma once

#include <string_view>

#include "model/cluster/cluster.h"
#include "model/node/default_world.h"

namespace kubeproof {

inline IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

inline InterfaceAddress interface_address(std::string_view text) {
  InterfaceAddress result;
  const size_t slash = text.find('/');
  result.address = address(text.substr(0, slash));
  result.prefix_length = Cidr::parse(text)->prefix_length();
  return result;
}

inline NodeSpec dual_stack_node() {
  NodeSpec node;
  node.name = "node-a";
  node.addresses = {interface_address("192.168.0.2/24"), interface_address("2001:db8::2/64")};
  node.pod_cidrs = {*Cidr::parse("10.180.0.0/24"), *Cidr::parse("fd00:10:180::/64")};
  return node;
}

inline Pod pod(std::string name, std::vector<std::string> addresses, std::string node = "node-a") {
  Pod result;
  result.key = {"default", std::move(name)};
  result.node_name = std::move(node);
  result.pod_ips = std::move(addresses);
  return result;
}

inline Cluster cluster_of(const std::vector<Pod>& pods) {
  Cluster cluster;
  for (const Pod& each : pods) cluster.pods[each.key] = each;
  return cluster;
}

inline World world_of(const NodeSpec& node, const std::vector<Cluster>& states,
                      const ProxyConfig& proxy = {}) {
  NodePods pods(node);
  for (const Cluster& state : states) pods.add(state);
  return make_world(node, pods, proxy, {}).value();
}

}  // namespace kubeproof
