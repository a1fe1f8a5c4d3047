// Objects in short form, for the tests of this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/netfilter/rules_text.h"
#include "model/node/default_world.h"
#include "model/proxier/make_rules.h"

namespace kubeproof::proxier {

inline Service service(std::string name_space, std::string name, std::string cluster_ip) {
  Service result;
  result.key = {std::move(name_space), std::move(name)};
  result.cluster_ip = cluster_ip;
  result.cluster_ips = {std::move(cluster_ip)};
  result.ports = {{"p80", kTcp, 80, 0}};
  return result;
}

inline SliceEndpoint endpoint(std::string address, std::string node = "node-b") {
  SliceEndpoint result;
  result.addresses = {std::move(address)};
  result.node_name = std::move(node);
  return result;
}

inline EndpointSlice slice(const Service& of, std::vector<SliceEndpoint> endpoints,
                           uint16_t port = 80) {
  EndpointSlice result;
  result.key = {of.key.name_space, of.key.name + "-a"};
  result.labels["kubernetes.io/service-name"] = of.key.name;
  result.endpoints = std::move(endpoints);
  for (const ServicePort& each : of.ports) {
    result.ports.push_back({each.name, each.protocol, port});
  }
  if (!result.endpoints.empty() &&
      result.endpoints[0].addresses[0].find(':') != std::string::npos) {
    result.address_type = SliceAddressType::kIpv6;
  }
  return result;
}

inline Node node(std::string name, std::vector<std::string> internal_ips) {
  Node result;
  result.key.name = std::move(name);
  for (std::string& each : internal_ips) result.addresses.push_back({"InternalIP", each});
  return result;
}

inline Cluster cluster(const std::vector<Service>& services,
                       const std::vector<EndpointSlice>& slices) {
  Cluster result;
  for (const Service& each : services) result.services[each.key] = each;
  for (const EndpointSlice& each : slices) result.endpoint_slices[each.key] = each;
  const Node own = node("node-a", {"192.168.0.2", "2001:db8::2"});
  result.nodes[own.key] = own;
  return result;
}

inline World world() {
  NodeSpec spec;
  spec.name = "node-a";
  for (const char* text : {"192.168.0.2/24", "2001:db8::2/64"}) {
    InterfaceAddress address;
    const std::string_view view = text;
    address.address = *IpAddress::parse(view.substr(0, view.find('/')));
    address.prefix_length = Cidr::parse(view)->prefix_length();
    spec.addresses.push_back(address);
  }
  return *make_world(spec, NodePods(spec), {}, {});
}

inline ProxyConfig cluster_cidr_config() {
  ProxyConfig config;
  config.cluster_cidrs = {"10.0.0.0/8", "fd00:10::/32"};
  return config;
}

// The rules of one chain, one per line, as iptables-save prints them.
inline std::vector<std::string> rules_of(const netfilter::Ruleset& ruleset,
                                         netfilter::TableName table, std::string_view chain) {
  std::vector<std::string> lines;
  const netfilter::Chain* found = ruleset.find(table)->find(chain);
  if (found == nullptr) return {"no such chain"};
  for (const netfilter::Rule& rule : found->rules) {
    lines.push_back(to_text(chain, rule, ruleset.family));
  }
  return lines;
}

}  // namespace kubeproof::proxier
