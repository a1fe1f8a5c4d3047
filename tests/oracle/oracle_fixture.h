// Properties of generated scenarios, held by an engine. What the environment sets:
//
//   KUBEPROOF_ORACLE_SEED        the seed of a run
//   KUBEPROOF_ORACLE_SCENARIOS   how many scenarios
//   KUBEPROOF_ORACLE_STEPS, _FLOWS, _STATES   how large each one is
//   KUBEPROOF_ORACLE_SCENARIO    instead of a run: the scenario of this seed, of the same size
//   KUBEPROOF_ORACLE_SAVE        the folder for cases of what failed
#pragma once

#include <gtest/gtest.h>

#include "tests/oracle/oracle_run.h"
#include "tests/oracle/scenario_property.h"

namespace kubeproof::explore {

class OracleTest : public ::testing::Test {
 protected:
  using Play = std::function<std::optional<OracleFailure>(const Scenario&, RunFigures&)>;

  // Expects that no scenario fails, and prints what was reached. What fails is told in its simplest
  // form, and saved as a case.
  void expect_no_failure(PropertyOptions options, const Play& play);

  RunFigures figures_;
};

}  // namespace kubeproof::explore
