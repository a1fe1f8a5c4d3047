// Makes a scenario that fails simpler, with RapidCheck: the one place that knows of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// Both bounds hold, so that a failure is told in time even where each attempt takes long.
struct SimplifyLimits {
  size_t attempts = 2000;
  std::chrono::seconds time{60};
};

// Says why a scenario fails; empty where it does not.
using ScenarioCheck = std::function<std::optional<std::string>(const Scenario&)>;

// Makes `failed`, which fails for `reason`, simpler for as long as it fails for the same reason.
// The last scenario for which `check` gave that reason is the simplest. Tells `progress` now and
// then how far it is, in one line.
void simplify(const Scenario& failed, const std::string& reason, const SimplifyLimits& limits,
              const ScenarioCheck& check, const std::function<void(const std::string&)>& progress);

}  // namespace kubeproof::explore
