// The chains of one service port since 1.24: KUBE-EXT- and KUBE-FW- decide who is let in and
// masqueraded, KUBE-SVC- and KUBE-SVL- pick an endpoint, KUBE-SEP- translates to it
// (pkg/proxy/iptables/ proxier.go syncProxyRules, writeServiceToEndpointRules).
#pragma once

#include <vector>

#include "model/netfilter/rules.h"
#include "model/proxier/rule_context.h"
#include "model/proxier/service_port_plan.h"

namespace kubeproof::proxier {

// Chains of table nat; none of them empty.
std::vector<netfilter::Chain> service_chains(const RuleContext& context,
                                             const ServicePortPlan& plan);

}  // namespace kubeproof::proxier
