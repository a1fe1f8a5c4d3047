// The part of the rules that no Service changes: the jumps from built-in chains
// (pkg/proxy/iptables/proxier.go iptablesJumpChains, iptablesKubeletJumpChains) and the fixed
// chains; of older releases also those of the kubelet that they rely on.
#pragma once

#include "model/netfilter/rules.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {

struct StaticRuleOptions {
  Release release{ProxyConfig{}};
  uint32_t masquerade_mark = 0x4000;
  bool random_fully = true;           // MASQUERADE --random-fully
  bool drop_invalid = true;           // FORWARD drops what conntrack calls INVALID
  bool localhost_node_ports = false;  // guards 127.0.0.0/8 against the outside
  bool account = false;               // with nfacct counters
  // The kubelet hooked KUBE-FIREWALL in before kube-proxy came, as it usually does.
  bool kubelet_first = true;
};

// Tables filter, nat and mangle with all built-in chains, kube-proxy's fixed chains and canaries.
netfilter::Ruleset static_ruleset(Family family, const StaticRuleOptions& options);

}  // namespace kubeproof::proxier
