// Which UDP flows kube-proxy makes conntrack forget after endpoints have changed
// (pkg/proxy/conntrack/cleanup.go, as of Kubernetes 1.32): a UDP sender may never stop, and would
// keep its flow on an endpoint that is gone. Left out: the event-driven cleanup of earlier
// releases.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"
#include "model/packet/address.h"

namespace kubeproof::proxier {

class UdpCleanup {
 public:
  UdpCleanup(Family family, const World& world, const Cluster& cluster, const ProxyConfig& config);

  // Whether the sync from one cluster to the next cleans up at all: it does when a Service whose
  // endpoints changed had or has endpoints for UDP.
  static bool is_due(Family family, const World& world, const Cluster& before, const Cluster& after,
                     const ProxyConfig& config);

  // A flow by what its first packet was for, and by whom it is answered.
  bool is_stale(const SocketAddress& destination, const SocketAddress& replier) const;

 private:
  struct AddressHash {
    size_t operator()(const SocketAddress& address) const {
      return address.address.hash() * 31 + address.port;
    }
  };
  using Endpoints = std::unordered_set<SocketAddress, AddressHash>;

  bool serves(const Endpoints& endpoints, const SocketAddress& replier) const;

  bool compares_ports_;
  std::unordered_map<SocketAddress, Endpoints, AddressHash> by_frontend_;
  // Whatever address the flow was for.
  std::unordered_map<uint16_t, Endpoints> by_node_port_;
};

}  // namespace kubeproof::proxier
