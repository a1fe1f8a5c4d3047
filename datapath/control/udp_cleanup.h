// UDP has no end of a flow: a client that keeps sending would stay on an endpoint that is gone for
// ever. After endpoints changed, kube-proxy therefore forgets the UDP flows to services that no
// longer lead to an endpoint of theirs (pkg/proxy/conntrack/cleanup.go). So does this, with its
// edges: services without any serving endpoint keep their flows, and a node port number ends flows
// whatever address they went to.
#pragma once

#include <map>
#include <set>

#include "datapath/bpf/flow_abi.h"
#include "datapath/control/service_table.h"
#include "model/cluster/cluster.h"

namespace kubeproof::control {

// Whether slices of some service changed that has, or had, a UDP port.
bool udp_endpoints_changed(const Cluster& before, const Cluster& after);

class StaleUdpFlows {
 public:
  explicit StaleUdpFlows(const ServiceTable& table);

  // `tuple` of the flow's first packet.
  bool contains(const abi::tuple& tuple, const abi::flow& flow) const;

 private:
  using Endpoints = std::set<SocketAddress>;

  // By family, since node ports of both are the same numbers.
  std::map<Family, std::map<SocketAddress, Endpoints>> by_address_;
  std::map<Family, std::map<uint16_t, Endpoints>> by_node_port_;
};

}  // namespace kubeproof::control
