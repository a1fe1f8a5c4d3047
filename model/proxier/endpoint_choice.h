// How one of several endpoints is picked, and what happens to a packet that got one: session
// affinity first, then even odds; then hairpin masquerade and the translation itself.
#pragma once

#include <cstdint>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/proxier/rule_context.h"
#include "model/proxier/service_port_plan.h"

namespace kubeproof::proxier {

// Appends the rules of a policy chain that jump to the endpoints' chains.
void add_endpoint_choice(const RuleContext& context, const ServicePortPlan& plan,
                         const std::vector<const Endpoint*>& endpoints,
                         std::vector<netfilter::Rule>& rules);

// The rules of an endpoint's own chain.
std::vector<netfilter::Rule> endpoint_rules(const RuleContext& context, const ServicePortPlan& plan,
                                            const Endpoint& endpoint);

// The kernel's form of the probability 1/n: kube-proxy writes it with ten digits, iptables rounds
// it to 31 bits.
uint32_t probability_threshold(size_t n);

}  // namespace kubeproof::proxier
