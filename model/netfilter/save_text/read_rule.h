// One "-A CHAIN ..." line as a rule.
#pragma once

#include <string>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/netfilter/save_text/family_clue.h"
#include "model/netfilter/save_text/line_words.h"
#include "model/result.h"

namespace kubeproof::netfilter {

struct ChainedRule {
  std::string chain;
  Rule rule;
};

Result<ChainedRule> read_rule(const std::vector<LineWord>& words, FamilyClue& family);

}  // namespace kubeproof::netfilter
