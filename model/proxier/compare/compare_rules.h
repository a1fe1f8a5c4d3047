// The rules of a real node against those that kube-proxy would install: which rules are missing,
// unexpected or different, by service. Counters, the order of services and of chains, and whatever
// others have in the same tables make no difference.
#pragma once

#include "model/netfilter/rules.h"
#include "model/proxier/compare/rule_difference.h"
#include "model/proxier/make_rules.h"

namespace kubeproof::proxier {

// What kube-proxy takes from the node rather than from its configuration, as the rules found show
// it: the options to make the expected rules with.
RuleOptions options_of(const netfilter::Ruleset& found);

RuleComparison compare_rules(const netfilter::Ruleset& expected, const netfilter::Ruleset& found);

}  // namespace kubeproof::proxier
