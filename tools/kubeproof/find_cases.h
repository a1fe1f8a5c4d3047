// The case files that a command line names.
#pragma once

#include <string>
#include <vector>

#include "model/result.h"

namespace kubeproof {

struct FoundCases {
  std::vector<std::string> files;
  // JSON and YAML in folders that is none: clusters, configurations, what `ip` printed.
  std::vector<std::string> passed_over;
};

// Files as they are named; folders by the cases in them and below, in alphabetical order.
Result<FoundCases> find_cases(const std::vector<std::string>& paths);

}  // namespace kubeproof
