// Ways to make a scenario simpler, the boldest first: without half of its steps, without a flow, a
// service, an endpoint, and then field by field back to what is ordinary. A search that keeps the
// first simpler scenario that still fails, and starts over from it, ends at one where nothing can
// be left out.
#pragma once

#include <cstddef>
#include <optional>

#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// One after the other, without building them all at once.
class Simplifications {
 public:
  explicit Simplifications(Scenario scenario);

  // The next simpler scenario; empty at the end.
  std::optional<Scenario> next();

 private:
  // Each makes its change number `attempt` to the scenario, if there is such a one and it changes
  // anything; false once there are no more.
  using Pass = bool (*)(const Scenario& from, size_t attempt, std::optional<Scenario>& to);
  static const std::vector<Pass>& passes();

  Scenario scenario_;
  size_t pass_ = 0;
  size_t attempt_ = 0;
};

}  // namespace kubeproof::explore
