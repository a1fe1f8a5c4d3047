// The datapath on generated clusters and traffic, as `kubeproof fuzz` does it for as long as one
// likes: here a fixed seed, and so many cases as take about half a minute.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "replay/fuzz/fuzz.h"
#include "replay/report/text_report.h"
#include "tools/kubeproof/engine_options.h"

namespace kubeproof::explore {
namespace {

constexpr uint64_t kSeed = 1;
constexpr uint64_t kCases = 50;
constexpr uint64_t kFewestPackets = 20'000;

class DatapathFuzz : public testing::TestWithParam<std::string> {
 protected:
  static FuzzPlan plan() {
    FuzzPlan plan;
    plan.seed = kSeed;
    plan.cases = kCases;
    plan.failures = 3;
    return plan;
  }

  FuzzHost host() const {
    FuzzHost host;
    host.make_engines = [this] { return engines_.make_one(GetParam()); };
    host.make_engine = [this](const std::string& name) { return engines_.make_one(name); };
    host.run_command = [this](const std::string& engine, const std::string& file) {
      return fmt::format("kubeproof run {} {}", engines_.arguments_for(engine), file);
    };
    host.fuzz_command = [this](const std::string& engine, uint64_t number) {
      return fmt::format("kubeproof fuzz {} --seed {} --only {}", engines_.arguments_for(engine),
                         kSeed, number);
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

INSTANTIATE_TEST_SUITE_P(, DatapathFuzz, testing::Values("ebpf-tc", "ebpf-xdp"),
                         [](const auto& info) {
                           return info.param == "ebpf-tc" ? std::string("EbpfTc")
                                                          : std::string("EbpfXdp");
                         });

}  // namespace
}  // namespace kubeproof::explore
