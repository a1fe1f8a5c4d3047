// A target with its options. What is not among ours is kept as it stands, as UnknownTarget.
#pragma once

#include "model/netfilter/rules.h"
#include "model/netfilter/save_text/family_clue.h"
#include "model/netfilter/save_text/rule_words.h"
#include "model/result.h"

namespace kubeproof::netfilter {

// A name that is no target of ours and has no options is taken for a chain's.
Result<Target> read_target(const RuleExtension& words, FamilyClue& family);

}  // namespace kubeproof::netfilter
