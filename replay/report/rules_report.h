// How a node's rules differ from kube-proxy's: what `kubeproof rules --compare` shows.
#pragma once

#include <string>
#include <vector>

#include "model/proxier/compare/rule_difference.h"
#include "replay/report/report.h"

namespace kubeproof {

struct RulesReport {
  std::string node;
  std::vector<std::string> inputs;                   // the texts that were compared
  std::vector<proxier::RuleComparison> comparisons;  // by family
};

// Divergent where anything differs.
RunVerdict verdict_of(const RulesReport& report);

std::string render_rules_text(const RulesReport& report, bool color);
std::string render_rules_json(const RulesReport& report);

}  // namespace kubeproof
