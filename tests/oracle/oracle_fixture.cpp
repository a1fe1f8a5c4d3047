#include "tests/oracle/oracle_fixture.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iostream>

#include "replay/case/write_case.h"

namespace kubeproof::explore {
namespace {

void override_from_environment(const char* name, auto& number) {
  const char* text = std::getenv(name);
  if (text != nullptr) number = std::strtoull(text, nullptr, 10);
}

void save(const OracleFailure& failure) {
  const char* folder = std::getenv("KUBEPROOF_ORACLE_SAVE");
  if (folder == nullptr) return;
  const std::string path = fmt::format("{}/{}.json", folder, failure.recorded.name);
  const auto written = write_case(failure.recorded, path);
  std::cout << (written ? "saved as " + path : written.error().message) << "\n";
}

}  // namespace

void OracleTest::expect_no_failure(PropertyOptions options, const Play& play) {
  override_from_environment("KUBEPROOF_ORACLE_SEED", options.seed);
  override_from_environment("KUBEPROOF_ORACLE_SCENARIOS", options.scenarios);
  override_from_environment("KUBEPROOF_ORACLE_STEPS", options.size.steps);
  override_from_environment("KUBEPROOF_ORACLE_FLOWS", options.size.flows);
  override_from_environment("KUBEPROOF_ORACLE_STATES", options.size.cluster_states);
  uint64_t only = 0;
  override_from_environment("KUBEPROOF_ORACLE_SCENARIO", only);

  std::optional<OracleFailure> simplest;
  const auto check = [&](const Scenario& scenario) -> std::optional<std::string> {
    // While a failure is made simpler, nothing new is reached.
    RunFigures unused;
    auto failure = play(scenario, simplest ? unused : figures_);
    if (!failure || (simplest && simplest->reason != failure->reason)) return {};
    if (!simplest) {
      std::cout << fmt::format("{}: {}; making it simpler\n", failure->recorded.name,
                               failure->reason)
                << failure->text << std::flush;
    }
    simplest = std::move(failure);
    return simplest->reason;
  };
  const auto failed =
      only != 0 ? find_failure_in(only, options, check) : find_failure(options, check);
  std::cout << fmt::format("seed {}: ", options.seed) << figures_.to_string();
  if (!failed) return;
  save(*simplest);
  ADD_FAILURE() << "seed " << options.seed << ", " << simplest->recorded.name << ": "
                << simplest->reason << "\n"
                << simplest->text << simplest->scenario;
}

}  // namespace kubeproof::explore
