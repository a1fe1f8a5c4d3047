// Where releases of kube-proxy differ in what a packet meets, by minor version of Kubernetes 1.x.
// Releases before 1.27 organise their rules differently and are not modelled.
#pragma once

#include "model/cluster/proxy_config.h"

namespace kubeproof::proxier {

class Release {
 public:
  explicit Release(const ProxyConfig& config)
      : minor_(config.release_minor),
        ignores_external_ips_(minor_ >= 36 && !config.allow_service_external_ips) {}

  // KUBE-FORWARD's drop of INVALID packets is left out where conntrack is liberal (PR 120412).
  bool honours_liberal_conntrack() const { return minor_ >= 29; }
  // `ipMode: Proxy` of a load balancer's address (KEP-1860, beta).
  bool honours_ip_mode() const { return minor_ >= 30; }
  // Topology hints count without an annotation of the Service (KEP-4444, beta).
  bool hints_need_annotation() const { return minor_ <= 30; }
  // Hints for nodes (KEP-3015, PreferSameNode, beta).
  bool honours_node_hints() const { return minor_ >= 34; }
  // A source range of length 0 makes the list of ranges as good as empty.
  bool zero_range_allows_all() const { return minor_ >= 34; }
  // The labels service-proxy-name and headless each hide both Services and EndpointSlices; later
  // each only the kind that it is meant for.
  bool labels_hide_both_kinds() const { return minor_ <= 35; }
  // Of two equal endpoints the earlier stays where the later terminates; before, where the later is
  // not local.
  bool terminating_duplicate_yields() const { return minor_ >= 36; }
  // The feature gate AllowServiceExternalIPs is off; earlier releases have no such gate.
  bool ignores_external_ips() const { return ignores_external_ips_; }

  // Clearing UDP flows after a change of endpoints goes by address and port; before, by address.
  bool udp_cleanup_compares_ports() const { return minor_ >= 34; }

 private:
  int minor_;
  bool ignores_external_ips_;
};

}  // namespace kubeproof::proxier
