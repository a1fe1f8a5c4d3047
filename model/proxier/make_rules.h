// Kubernetes objects to iptables rules, exactly as kube-proxy's iptables mode writes them
// (pkg/proxy/iptables/proxier.go, Kubernetes 1.36, or the release that the configuration names).
//
// kube-proxy walks services in random order; here they come by namespace, name, port name and
// protocol.
#pragma once

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/netfilter/rules.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

struct RuleOptions {
  // With matches that count in nfacct objects. Such rules load only where the objects exist.
  bool account = false;
  // The kubelet hooked KUBE-FIREWALL in before kube-proxy came, as it usually does.
  bool kubelet_first = true;
  // MASQUERADE --random-fully, as with iptables 1.6.2 and later.
  bool random_fully = true;
};

// A whole ruleset of one family, on a node that has no other rules.
Result<netfilter::Ruleset> make_rules(Family family, const World& world, const Cluster& cluster,
                                      const ProxyConfig& config, const RuleOptions& options = {});

}  // namespace kubeproof
