// Runs every case of the corpus through every engine, as `kubeproof run corpus/cases` does.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "replay/case/read_case.h"
#include "replay/report/case_text.h"
#include "replay/run/run_case.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/find_cases.h"

namespace kubeproof {
namespace {

const std::string kCases = KUBEPROOF_ROOT "/corpus/cases";

std::vector<std::string> cases() {
  return find_cases({kCases}).value().files;
}

std::string test_name(const std::string& file) {
  std::string name = file.substr(kCases.size() + 1, file.rfind('.') - kCases.size() - 1);
  std::replace_if(
      name.begin(), name.end(), [](char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

// What an engine lacks, where one could not run.
std::string missing(const Report& report) {
  std::string text;
  for (const ColumnReport& column : report.engines) {
    if (column.status != ColumnStatus::kSkipped) continue;
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", column.name, column.reason);
  }
  return text;
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, Passes) {
  const auto one = read_case(GetParam());
  ASSERT_TRUE(one) << one.error().message;
  auto ran = run_case(
      *one, [] { return EngineOptions().make(); }, make_oracle);
  ASSERT_TRUE(ran) << ran.error().message;
  RunReport report;
  report.cases.push_back(*std::move(ran));
  EXPECT_NE(verdict_of(report), RunVerdict::kDivergent) << render_text(report, false);
  EXPECT_NE(verdict_of(report), RunVerdict::kEmpty) << "not one packet";
  for (const ColumnReport& column : report.cases[0].report.engines) {
    EXPECT_NE(column.status, ColumnStatus::kFailed) << column.name << ": " << column.reason;
  }
  // Every engine has to have run before a case counts as passed.
  const std::string lacks = missing(report.cases[0].report);
  if (!lacks.empty() && !HasFailure()) GTEST_SKIP() << lacks;
}

INSTANTIATE_TEST_SUITE_P(, Corpus, testing::ValuesIn(cases()),
                         [](const auto& info) { return test_name(info.param); });

}  // namespace
}  // namespace kubeproof
