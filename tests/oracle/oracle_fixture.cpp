#include "tests/oracle/oracle_fixture.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "replay/case/write_case.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kBetweenReports{60};

bool override_from_environment(const char* name, auto& number) {
  const char* text = std::getenv(name);
  if (text != nullptr) number = std::strtoull(text, nullptr, 10);
  return text != nullptr;
}

void save(const ScenarioFailure& failure) {
  const char* folder = std::getenv("KUBEPROOF_ORACLE_SAVE");
  if (folder == nullptr) return;
  const std::string path = fmt::format("{}/{}.json", folder, failure.recorded.name);
  const auto written = write_case(failure.recorded, path);
  std::cout << (written ? "saved as " + path : written.error().message) << "\n";
}

// When a run has had enough.
class RunEnd {
 public:
  explicit RunEnd(const RunOptions& options) : scenarios_(options.scenarios) {
    const bool seconds = override_from_environment("KUBEPROOF_ORACLE_SECONDS", seconds_);
    const bool packets = override_from_environment("KUBEPROOF_ORACLE_PACKETS", packets_);
    if (seconds || packets) scenarios_ = SIZE_MAX;
  }

  bool reached(size_t scenarios, const RunFigures& figures) {
    const auto now = Clock::now();
    if (now > reported_ + kBetweenReports) {
      reported_ = now;
      std::cout << progress(figures) << std::flush;
    }
    return scenarios >= scenarios_ || figures.packets() >= packets_ ||
           now >= begin_ + std::chrono::seconds(seconds_);
  }

  std::string progress(const RunFigures& figures) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    return fmt::format("{} packets in {:.0f} s, {:.0f}/s\n", figures.packets(), seconds,
                       static_cast<double>(figures.packets()) / seconds);
  }

 private:
  uint64_t scenarios_;
  uint64_t packets_ = UINT64_MAX;
  uint32_t seconds_ = UINT32_MAX;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point reported_ = begin_;
};

}  // namespace

void OracleTest::expect_no_failure(RunOptions options, const Play& play) {
  override_from_environment("KUBEPROOF_ORACLE_SEED", options.seed);
  override_from_environment("KUBEPROOF_ORACLE_SCENARIOS", options.scenarios);
  override_from_environment("KUBEPROOF_ORACLE_STEPS", options.size.steps);
  override_from_environment("KUBEPROOF_ORACLE_FLOWS", options.size.flows);
  override_from_environment("KUBEPROOF_ORACLE_STATES", options.size.cluster_states);
  override_from_environment("KUBEPROOF_ORACLE_FAILURES", options.failures);
  uint64_t only = 0;
  if (override_from_environment("KUBEPROOF_ORACLE_SCENARIO", only)) {
    check(generate_scenario(only, options.size, options.kinds), play);
    std::cout << figures_.to_string();
    return;
  }
  Random seeds(options.seed);
  RunEnd end(options);
  for (size_t scenarios = 0; !end.reached(scenarios, figures_); ++scenarios) {
    check(generate_scenario(seeds.next(), options.size, options.kinds), play);
    if (reasons_.size() >= options.failures) break;
  }
  std::cout << fmt::format("seed {}: ", options.seed) << end.progress(figures_)
            << figures_.to_string();
}

bool OracleTest::check(const Scenario& scenario, const Play& play) {
  auto simplest = play(scenario, figures_);
  if (!simplest || !reasons_.insert(simplest->reason).second) return false;
  std::cout << fmt::format("{}: {}; making it simpler\n", simplest->recorded.name, simplest->reason)
            << simplest->text << std::flush;
  Scenario until_then = scenario;
  until_then.steps.resize(std::min(simplest->step + 1, until_then.steps.size()));
  // While a failure is made simpler, nothing new is reached.
  RunFigures unused;
  const auto simpler = [&](const Scenario& attempt) -> std::optional<std::string> {
    auto failure = play(attempt, unused);
    if (!failure || failure->reason != simplest->reason) return std::nullopt;
    simplest = std::move(failure);
    return simplest->reason;
  };
  simplify(until_then, simplest->reason, {}, simpler, [](const std::string& line) {
    std::cout << "  " << line << "\n" << std::flush;
  });
  save(*simplest);
  ADD_FAILURE() << simplest->recorded.name << ": " << simplest->reason << "\n"
                << simplest->text << simplest->scenario;
  return true;
}

}  // namespace kubeproof::explore
