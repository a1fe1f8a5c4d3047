// What kube-proxy knows of its own node: its addresses (cmd/kube-proxy/app/server.go
// detectNodeIPs), pod CIDRs and zone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/packet/address.h"

namespace kubeproof::proxier {

struct NodeIdentity {
  std::string name;
  // The loopback address where nothing better is known.
  IpAddress ipv4;
  IpAddress ipv6;
  std::vector<Cidr> pod_cidrs;
  std::string zone;  // empty: none

  const IpAddress& ip(Family family) const { return family == Family::kIpv4 ? ipv4 : ipv6; }
};

// From the Node object of that name, or the one that hostnameOverride names.
NodeIdentity identify_node(const std::string& name, const Cluster& cluster,
                           const ProxyConfig& config);

}  // namespace kubeproof::proxier
