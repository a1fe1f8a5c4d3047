// A match's module and options as a Match. Modules and options that are not among ours are kept as
// they stand, as UnknownMatch; what is wrong within an option that is ours is an error.
#pragma once

#include <vector>

#include "model/netfilter/rules.h"
#include "model/netfilter/save_text/family_clue.h"
#include "model/netfilter/save_text/rule_words.h"
#include "model/result.h"

namespace kubeproof::netfilter {

// Appends to the matches of `rule`, whose head is read already.
Result<void> read_match(const RuleExtension& words, FamilyClue& family, Rule& rule);

}  // namespace kubeproof::netfilter
