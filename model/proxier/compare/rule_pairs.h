// Two lists of rules side by side: which are in both, and of those that are not, which were meant
// to be the same.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "model/netfilter/rules.h"

namespace kubeproof::proxier {

struct RulePairs {
  // By position in the two lists, in the order of the first.
  std::vector<std::pair<size_t, size_t>> equal;
  std::vector<std::pair<size_t, size_t>> similar;
  std::vector<size_t> only_expected;
  std::vector<size_t> only_found;
};

// A rule that occurs several times is paired as often. `of_all_services`: the chain has rules of
// many services, and a common target like DROP makes no two of them similar.
RulePairs pair_rules(std::span<const netfilter::Rule> expected,
                     std::span<const netfilter::Rule> found, Family family, bool of_all_services);

}  // namespace kubeproof::proxier
