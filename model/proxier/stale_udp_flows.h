// UDP flows that a change of endpoints leaves behind. A client that keeps sending keeps its flow
// alive for ever, and with it the way to an endpoint that is gone, or to none at all. So
// kube-proxy, after it has written new rules, ends such flows; how it finds them depends on the
// release. It leaves TCP and SCTP alone.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/packet/address.h"
#include "model/proxier/udp_events.h"
#include "model/proxier/udp_reconciliation.h"

namespace kubeproof {

class StaleUdpFlows {
 public:
  // Empty where the change from one state of the objects to the other makes kube-proxy end no flow.
  // `before` is null when kube-proxy starts.
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
  using Search = std::variant<proxier::UdpEvents, proxier::UdpReconciliation>;

  explicit StaleUdpFlows(Search search) : search_(std::move(search)) {}

  Search search_;
};

}  // namespace kubeproof
