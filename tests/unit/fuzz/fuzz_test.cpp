#include "replay/fuzz/fuzz.h"

#include <gtest/gtest.h>

#include <memory>

#include "model/packet/packet_view.h"
#include "replay/case/read_case.h"
#include "replay/engine/reference_engine.h"
#include "replay/run/run_case.h"
#include "tests/temporary_folder.h"

namespace kubeproof::explore {
namespace {

constexpr uint64_t kSeed = 1;

// The reference itself, which forgets that UDP exists where it is told to.
class ForgetfulEngine : public Engine {
 public:
  explicit ForgetfulEngine(bool forgets_udp)
      : right_(std::make_unique<Reference>(), kSeed), forgets_udp_(forgets_udp) {}

  std::string_view name() const override { return "forgetful"; }
  Result<void> program(const Configuration& configuration) override {
    return right_.program(configuration);
  }
  Result<void> inject(const Injection& injection, Fate& fate) override {
    auto injected = right_.inject(injection, fate);
    const auto view = parse_packet(injection.packet);
    if (forgets_udp_ && view && view->protocol == kUdp) fate.clear();
    return injected;
  }
  Result<void> advance(std::chrono::nanoseconds duration) override {
    return right_.advance(duration);
  }
  void explain(bool on) override { right_.explain(on); }

 private:
  ReferenceEngine right_;
  bool forgets_udp_;
};

FuzzPlan small_plan() {
  FuzzPlan plan;
  plan.seed = 5;
  plan.cases = 4;
  plan.size = {.flows = 8, .steps = 60, .cluster_states = 2};
  return plan;
}

class Fuzz : public ::testing::Test {
 protected:
  Result<std::vector<EngineChoice>> engines() const {
    std::vector<EngineChoice> choices;
    choices.push_back({"forgetful", true, std::make_unique<ForgetfulEngine>(forgets_udp_)});
    return choices;
  }

  Result<Report> run() {
    FuzzHost host;
    host.make_engines = [this] { return engines(); };
    host.make_engine = [this](const std::string&) { return engines(); };
    host.run_command = [](const std::string&, const std::string& file) { return "run " + file; };
    host.fuzz_command = [](const std::string&, uint64_t number) {
      return "fuzz --only " + std::to_string(number);
    };
    return fuzz(plan_, host);
  }

  bool forgets_udp_ = false;
  FuzzPlan plan_ = small_plan();
};

TEST_F(Fuzz, PassesAnEngineThatDoesAsTheReference) {
  const auto report = run();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(verdict_of(*report), RunVerdict::kEquivalent);
  EXPECT_EQ(report->fuzz->cases, 4U);
  EXPECT_GT(report->engines[0].packets, 100U);
}

TEST_F(Fuzz, TellsAFailureInItsSimplestForm) {
  forgets_udp_ = true;
  plan_.failures = 1;
  const auto report = run();
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(verdict_of(*report), RunVerdict::kDivergent);
  ASSERT_FALSE(report->engines[0].divergences.empty());
  const DivergenceReport& told = report->engines[0].divergences[0];
  EXPECT_EQ(told.step, 1U) << told.scenario;
  EXPECT_TRUE(told.case_command.starts_with("fuzz --only ")) << told.case_command;
}

TEST_F(Fuzz, SavesACaseThatShowsItAgain) {
  forgets_udp_ = true;
  plan_.failures = 1;
  const TemporaryFolder folder;
  plan_.save = folder.path();
  const auto report = run();
  ASSERT_TRUE(report) << report.error().message;
  const DivergenceReport& told = report->engines[0].divergences.at(0);
  const auto saved = read_case(told.case_file);
  ASSERT_TRUE(saved) << saved.error().message;
  const auto again = run_case_once(
      *saved, [this] { return engines(); }, [] { return std::make_unique<Reference>(); });
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(verdict_of(*again), RunVerdict::kDivergent);
}

TEST_F(Fuzz, ComesUpWithTheSamePacketsForTheSameSeed) {
  const auto first = run();
  const auto second = run();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->engines[0].packets, second->engines[0].packets);
  EXPECT_EQ(first->engines[0].fates, second->engines[0].fates);
  plan_.seed = 6;
  const auto other = run();
  ASSERT_TRUE(other);
  EXPECT_NE(first->engines[0].fates, other->engines[0].fates);
}

TEST_F(Fuzz, SplitsItsCasesIntoShards) {
  const auto all = run();
  ASSERT_TRUE(all);
  plan_.cases = 2;
  plan_.shards = 2;
  uint64_t packets = 0;
  for (plan_.shard = 1; plan_.shard <= plan_.shards; ++plan_.shard) {
    const auto part = run();
    ASSERT_TRUE(part);
    EXPECT_LT(part->engines[0].packets, all->engines[0].packets);
    packets += part->engines[0].packets;
  }
  EXPECT_EQ(packets, all->engines[0].packets);
}

TEST_F(Fuzz, TakesTheCaseOfOneNumberAlone) {
  plan_.only = 3;
  const auto report = run();
  ASSERT_TRUE(report);
  EXPECT_EQ(report->fuzz->cases, 1U);
}

}  // namespace
}  // namespace kubeproof::explore
