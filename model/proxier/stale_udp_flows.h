// UDP flows that a change of endpoints leaves behind. A client that keeps sending keeps its flow
// alive for ever, and with it the way to an endpoint that is gone, or to none at all. So
// kube-proxy, after it has written new rules, ends the flows through its services whose endpoint no
// longer serves (pkg/proxy/conntrack/cleanup.go). It leaves TCP and SCTP alone.
//
// Follows the releases from 1.32 on. Earlier ones work from single events.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/packet/address.h"
#include "model/proxier/service_port.h"

namespace kubeproof {

class StaleUdpFlows {
 public:
  // Empty where the change from one state of the objects to the other makes kube-proxy look at no
  // flow: only changed endpoints of services with UDP ports do, not changed Services. `before` is
  // null when kube-proxy starts.
  static std::optional<StaleUdpFlows> after_change(Family family, const Cluster* before,
                                                   const Cluster& after,
                                                   const std::string& node_name,
                                                   const ProxyConfig& config);

  // Whether kube-proxy ends a UDP flow of the family: where its first packet went, as the client
  // sent it, and where its replies come from.
  //
  // Of a NodePort only the number counts: a flow to that port of any host is taken for the
  // service's.
  bool contains(const SocketAddress& original_destination, const SocketAddress& reply_source) const;

 private:
  using Serving = std::set<SocketAddress>;  // with port 0 where only addresses are compared

  void add(const proxier::ServicePortInfo& port, const Serving& serving);
  bool serves(const Serving& serving, const SocketAddress& endpoint) const;

  bool compare_ports_ = true;
  std::map<SocketAddress, Serving> frontends_;
  std::map<uint16_t, Serving> node_ports_;
};

}  // namespace kubeproof
