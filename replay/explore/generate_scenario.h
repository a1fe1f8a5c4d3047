// A whole scenario from one seed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "replay/explore/generate_traffic.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// Which releases of kube-proxy come up, by minor version of 1.x; each scenario follows one.
struct Releases {
  uint8_t oldest = 36;
  uint8_t newest = 36;
};

struct ScenarioSize {
  size_t flows = 8;
  size_t steps = 60;
  size_t cluster_states = 3;
  Releases releases = {};
};

Scenario generate_scenario(uint64_t seed, const ScenarioSize& size, const TrafficKinds& kinds);

}  // namespace kubeproof::explore
