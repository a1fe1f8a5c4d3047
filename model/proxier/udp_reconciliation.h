// How kube-proxy since 1.32 decides which UDP flows to end: by a look at all of them
// (pkg/proxy/conntrack/cleanup.go CleanStaleEntries). A flow that was sent to a service, and is not
// translated to an endpoint of it that serves, goes.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "model/packet/address.h"
#include "model/proxier/release.h"
#include "model/proxier/service_state.h"

namespace kubeproof::proxier {

class UdpReconciliation {
 public:
  // Whether the change makes kube-proxy look: changed endpoints of services with UDP ports do;
  // changed Services do not, or only those that lost a UDP port.
  static bool is_due(const ServiceState& before, const ServiceState& after, Release release);

  UdpReconciliation(const ServiceState& before, const ServiceState& after, Release release);

  bool contains(const SocketAddress& original_destination, const SocketAddress& reply_source) const;

 private:
  using Serving = std::set<SocketAddress>;  // with port 0 where only addresses are compared

  void add(const ServicePortInfo& port, const Serving& serving);
  bool serves(const Serving& serving, const SocketAddress& endpoint) const;

  bool compare_ports_;
  std::map<SocketAddress, Serving> frontends_;
  std::map<uint16_t, Serving> node_ports_;
};

}  // namespace kubeproof::proxier
