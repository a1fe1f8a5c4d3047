// Which of the node's addresses serve NodePorts (pkg/proxy/util/nodeport_addresses.go).
#pragma once

#include <vector>

#include "model/cluster/proxy_config.h"
#include "model/node/world.h"
#include "model/proxier/node_identity.h"
#include "model/result.h"

namespace kubeproof::proxier {

class NodePortAddresses {
 public:
  static Result<NodePortAddresses> make(const ProxyConfig& config, const NodeIdentity& node,
                                        Family family);

  // Every local address serves; otherwise those of serving_addresses().
  bool matches_all() const { return matches_all_; }
  bool contains_ipv4_loopback() const { return contains_ipv4_loopback_; }

  // The node's addresses, of any interface, within the configured prefixes.
  std::vector<IpAddress> serving_addresses(const World& world) const;

 private:
  std::vector<Cidr> prefixes_;
  bool matches_all_ = false;
  bool contains_ipv4_loopback_ = false;
};

// Whether NodePorts answer on 127.0.0.0/8 of this family: iptables.localhostNodePorts, where the
// configured addresses include loopback.
bool serves_localhost_node_ports(const ProxyConfig& config, const NodePortAddresses& addresses,
                                 Family family);

}  // namespace kubeproof::proxier
