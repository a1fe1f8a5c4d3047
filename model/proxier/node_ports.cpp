#include "model/proxier/node_ports.h"

#include <algorithm>

#include "model/cluster/address_text.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {
namespace {

Result<std::vector<Cidr>> configured_prefixes(const ProxyConfig& config, const NodeIdentity& node) {
  std::vector<Cidr> prefixes;
  if (config.node_port_addresses == std::vector<std::string>{"primary"}) {
    for (const IpAddress& address : {node.ipv4, node.ipv6}) {
      if (!address.is_loopback()) prefixes.push_back(Cidr::host(address));
    }
    return prefixes;
  }
  for (const std::string& text : config.node_port_addresses) {
    const auto cidr = parse_sloppy_cidr(text);
    if (!cidr) return bad_input("nodePortAddresses: '{}' is not ADDRESS/LENGTH", text);
    prefixes.push_back(*cidr);
  }
  return prefixes;
}

}  // namespace

Result<NodePortAddresses> NodePortAddresses::make(const ProxyConfig& config,
                                                  const NodeIdentity& node, Family family) {
  auto configured = configured_prefixes(config, node);
  if (!configured) return tl::unexpected(configured.error());

  NodePortAddresses result;
  for (const Cidr& cidr : *configured) {
    if (cidr.family() == family) result.prefixes_.push_back(cidr);
  }
  // A list that names nothing of this family restricts nothing in it.
  if (result.prefixes_.empty()) result.prefixes_ = {Cidr(IpAddress::unspecified(family), 0)};

  const IpAddress loopback_network = *IpAddress::parse("127.0.0.0");
  for (const Cidr& cidr : result.prefixes_) {
    if (cidr.prefix_length() == 0) result.matches_all_ = true;
    if (cidr.base().is_v4() && (cidr.base().is_loopback() || cidr.contains(loopback_network))) {
      result.contains_ipv4_loopback_ = true;
    }
  }
  return result;
}

std::vector<IpAddress> NodePortAddresses::serving_addresses(const World& world) const {
  std::vector<IpAddress> addresses;
  for (const Interface& interface : world.interfaces) {
    for (const InterfaceAddress& each : interface.addresses) {
      const bool serves = std::any_of(prefixes_.begin(), prefixes_.end(), [&](const Cidr& prefix) {
        return prefix.contains(each.address);
      });
      const bool known =
          std::find(addresses.begin(), addresses.end(), each.address) != addresses.end();
      if (serves && !known) addresses.push_back(each.address);
    }
  }
  return addresses;
}

bool serves_localhost_node_ports(const ProxyConfig& config, const NodePortAddresses& addresses,
                                 Family family) {
  const bool wanted =
      config.localhost_node_ports || !Release(config).excludes_loopback_node_ports();
  return wanted && family == Family::kIpv4 && addresses.contains_ipv4_loopback();
}

}  // namespace kubeproof::proxier
