// Runs every case of the corpus through every engine, as `kubeproof run corpus/cases` does, and
// those of releases that the datapath does not stand in for through the kernel's netfilter.
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
const std::string kReleases = KUBEPROOF_ROOT "/corpus/releases";

std::vector<std::string> cases_in(const std::string& folder) {
  return find_cases({folder}).value().files;
}

std::string test_name(const std::string& file, const std::string& folder) {
  std::string name = file.substr(folder.size() + 1, file.rfind('.') - folder.size() - 1);
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

void expect_pass(const std::string& file, const EngineFactory& make_engines) {
  const auto one = read_case(file);
  ASSERT_TRUE(one) << one.error().message;
  auto ran = run_case(*one, make_engines, make_oracle);
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
  if (!lacks.empty() && !testing::Test::HasFailure()) GTEST_SKIP() << lacks;
}

class Corpus : public testing::TestWithParam<std::string> {};

TEST_P(Corpus, Passes) {
  expect_pass(GetParam(), [] { return EngineOptions().make(); });
}

INSTANTIATE_TEST_SUITE_P(, Corpus, testing::ValuesIn(cases_in(kCases)),
                         [](const auto& info) { return test_name(info.param, kCases); });

class Releases : public testing::TestWithParam<std::string> {};

TEST_P(Releases, Passes) {
  expect_pass(GetParam(), [] { return EngineOptions().make_one("netfilter"); });
}

INSTANTIATE_TEST_SUITE_P(, Releases, testing::ValuesIn(cases_in(kReleases)),
                         [](const auto& info) { return test_name(info.param, kReleases); });

}  // namespace
}  // namespace kubeproof
