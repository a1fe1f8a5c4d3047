// Which arguments of two rules differ, as the tools name them.
#pragma once

#include <string>
#include <vector>

#include "model/netfilter/rules.h"

namespace kubeproof::proxier {

// "-d", "--dport", "-j": in the order of the text, those of `found` that `expected` lacks last.
std::vector<std::string> differing_arguments(const netfilter::Rule& expected,
                                             const netfilter::Rule& found, Family family);

}  // namespace kubeproof::proxier
