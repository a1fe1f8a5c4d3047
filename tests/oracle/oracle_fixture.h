// Runs of generated scenarios that an engine is held to. What the environment sets:
//
//   KUBEPROOF_ORACLE_SEED        the seed of a run
//   KUBEPROOF_ORACLE_SCENARIOS   how many scenarios
//   KUBEPROOF_ORACLE_SECONDS     instead: for how long
//   KUBEPROOF_ORACLE_PACKETS     instead: until there were so many packets
//   KUBEPROOF_ORACLE_STEPS, _FLOWS, _STATES   how large each one is
//   KUBEPROOF_ORACLE_SCENARIO    instead of a run: the scenario of this seed, of the same size
//   KUBEPROOF_ORACLE_FAILURES    how many different failures end a run; 1 unless it says
//   KUBEPROOF_ORACLE_SAVE        the folder for cases of what failed
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "replay/explore/generate_scenario.h"
#include "replay/fuzz/play_against.h"
#include "replay/fuzz/scenario_property.h"

namespace kubeproof::explore {

struct RunOptions {
  uint64_t seed = 1;
  size_t scenarios = 20;
  size_t failures = 1;
  ScenarioSize size = {};
  TrafficKinds kinds = {};
};

class OracleTest : public ::testing::Test {
 protected:
  using Play = std::function<std::optional<ScenarioFailure>(const Scenario&, RunFigures&)>;

  // Expects that no scenario fails, and prints what was reached. What fails is told in its simplest
  // form, and saved as a case.
  void expect_no_failure(RunOptions options, const Play& play);

  RunFigures figures_;

 private:
  // Whether it failed in a way that was not known yet.
  bool check(const Scenario& scenario, const Play& play);

  std::set<std::string> reasons_;
};

}  // namespace kubeproof::explore
