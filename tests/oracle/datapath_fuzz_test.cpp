// The datapath on generated clusters and traffic, as `kubeproof fuzz` does it for as long as one
// likes: here a few fixed seeds, and so many cases as take about half a minute.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "replay/fuzz/fuzz.h"
#include "replay/report/text_report.h"
#include "tests/unit/datapath/tested_programs.h"
#include "tools/kubeproof/engine_options.h"

namespace kubeproof::explore {
namespace {

constexpr uint64_t kCases = 50;
constexpr uint64_t kFewestPackets = 20'000;

// Engine and seed.
class DatapathFuzz : public testing::TestWithParam<std::tuple<std::string, uint64_t>> {
 protected:
  DatapathFuzz() {
    if (const auto programs = tested_programs()) engines_.set_bpf_object(programs->string());
  }

  static std::string engine() { return std::get<0>(GetParam()); }

  static FuzzPlan plan() {
    FuzzPlan plan;
    plan.seed = std::get<1>(GetParam());
    plan.cases = kCases;
    plan.failures = 1;
    return plan;
  }

  FuzzHost host() const {
    FuzzHost host;
    host.make_engines = [this] { return engines_.make_one(engine()); };
    host.make_engine = [this](const std::string& name) { return engines_.make_one(name); };
    host.run_command = [this](const std::string& engine, const std::string& file) {
      return fmt::format("kubeproof run {} {}", engines_.arguments_for(engine), file);
    };
    host.fuzz_command = [this](const std::string& engine, uint64_t number) {
      return fmt::format("kubeproof fuzz {} --seed {} --only {}", engines_.arguments_for(engine),
                         plan().seed, number);
    };
    return host;
  }

 private:
  EngineOptions engines_;
};

TEST_P(DatapathFuzz, StaysWithinTheReference) {
  const auto report = fuzz(plan(), host());
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(report->engines.size(), 1U);
  const ColumnReport& column = report->engines.front();
  if (column.status == ColumnStatus::kSkipped) GTEST_SKIP() << column.reason;
  EXPECT_EQ(verdict_of(*report), RunVerdict::kEquivalent) << render_text(*report, {});
  EXPECT_EQ(report->fuzz->cases, kCases);
  EXPECT_GT(column.packets, kFewestPackets);
}

INSTANTIATE_TEST_SUITE_P(, DatapathFuzz,
                         testing::Combine(testing::Values("ebpf-tc", "ebpf-xdp"),
                                          testing::Values(1, 2, 7)),
                         [](const auto& info) {
                           const bool tc = std::get<0>(info.param) == "ebpf-tc";
                           return fmt::format("{}Seed{}", tc ? "EbpfTc" : "EbpfXdp",
                                              std::get<1>(info.param));
                         });

}  // namespace
}  // namespace kubeproof::explore
