// How kube-proxy tells traffic of the node's (or the cluster's) pods from other traffic:
// detectLocalMode (cmd/kube-proxy/app/server_linux.go getLocalDetectors, pkg/proxy/util/
// localdetector.go).
#pragma once

#include <optional>

#include "model/cluster/proxy_config.h"
#include "model/netfilter/rules.h"
#include "model/proxier/node_identity.h"
#include "model/result.h"

namespace kubeproof::proxier {

class LocalDetector {
 public:
  static Result<LocalDetector> make(const ProxyConfig& config, const NodeIdentity& node,
                                    Family family);

  // Without an implementation, rules that would need one are left out.
  bool is_implemented() const { return source_.has_value() || interface_.has_value(); }

  void match_local(netfilter::Rule& rule) const { match(rule, false); }
  void match_not_local(netfilter::Rule& rule) const { match(rule, true); }

 private:
  void match(netfilter::Rule& rule, bool negated) const;

  std::optional<Cidr> source_;
  std::optional<netfilter::InterfacePattern> interface_;
};

}  // namespace kubeproof::proxier
