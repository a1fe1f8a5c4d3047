#include "model/proxier/node_identity.h"

#include "model/cluster/address_text.h"

namespace kubeproof::proxier {
namespace {

// InternalIPs before ExternalIPs, each in the order of the object.
std::vector<IpAddress> host_addresses(const Node& node) {
  std::vector<IpAddress> addresses;
  for (const char* type : {"InternalIP", "ExternalIP"}) {
    for (const NodeAddress& each : node.addresses) {
      if (each.type != type) continue;
      if (const auto address = parse_sloppy_address(each.address)) addresses.push_back(*address);
    }
  }
  return addresses;
}

// The first address of each family.
void take_addresses(const std::vector<IpAddress>& addresses, NodeIdentity& node) {
  for (auto each = addresses.rbegin(); each != addresses.rend(); ++each) {
    (each->is_v4() ? node.ipv4 : node.ipv6) = *each;
  }
}

}  // namespace

NodeIdentity identify_node(const std::string& name, const Cluster& cluster,
                           const ProxyConfig& config) {
  NodeIdentity node;
  node.name = config.hostname_override.empty() ? name : config.hostname_override;
  node.ipv4 = *IpAddress::parse("127.0.0.1");
  node.ipv6 = *IpAddress::parse("::1");

  if (const auto object = cluster.nodes.find({"", node.name}); object != cluster.nodes.end()) {
    take_addresses(host_addresses(object->second), node);
    for (const std::string& text : object->second.pod_cidrs) {
      if (const auto cidr = parse_sloppy_cidr(text)) node.pod_cidrs.push_back(*cidr);
    }
    const auto& labels = object->second.labels;
    if (const auto zone = labels.find("topology.kubernetes.io/zone"); zone != labels.end()) {
      node.zone = zone->second;
    }
  }
  const auto bound = parse_sloppy_address(config.bind_address);
  if (bound && !bound->is_unspecified()) take_addresses({*bound}, node);
  return node;
}

}  // namespace kubeproof::proxier
