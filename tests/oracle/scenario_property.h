// Properties of scenarios, checked with RapidCheck: the one place that knows of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "replay/explore/generate_scenario.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

struct PropertyOptions {
  uint64_t seed = 0;
  size_t scenarios = 20;
  size_t simplifications = 1000;  // at most, of a scenario that failed
  ScenarioSize size = {};
  TrafficKinds kinds = {};
};

// Says why a scenario fails; empty where it does not.
using ScenarioCheck = std::function<std::optional<std::string>(const Scenario&)>;

// Generates and checks scenarios until one fails, and makes that one simpler for as long as it
// fails for the same reason. The last scenario for which `check` gave a reason is the simplest.
// Returns that reason.
std::optional<std::string> find_failure(const PropertyOptions& options, const ScenarioCheck& check);

// The same for the one scenario of this seed.
std::optional<std::string> find_failure_in(uint64_t scenario_seed, const PropertyOptions& options,
                                           const ScenarioCheck& check);

}  // namespace kubeproof::explore
