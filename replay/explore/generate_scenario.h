// A whole scenario from one seed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "replay/explore/generate_traffic.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

struct ScenarioSize {
  size_t flows = 8;
  size_t steps = 60;
  size_t cluster_states = 3;
};

Scenario generate_scenario(uint64_t seed, const ScenarioSize& size, const TrafficKinds& kinds);

}  // namespace kubeproof::explore
