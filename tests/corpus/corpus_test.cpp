// Runs every case of the corpus through every engine, as `kubeproof run corpus/cases` does, and
// those of older releases, which the datapath does not stand in for, through the kernel's
// netfilter.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "replay/case/read_case.h"
#include "replay/report/case_text.h"
#include "replay/report/cells_text.h"
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

// Of one process, which so loads the programs once for all cases that it runs.
const EngineOptions& engine_options() {
  static const EngineOptions options;
  return options;
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
  expect_pass(GetParam(), [] { return engine_options().make(); });
}

INSTANTIATE_TEST_SUITE_P(, Corpus, testing::ValuesIn(cases_in(kCases)),
                         [](const auto& info) { return test_name(info.param, kCases); });

class Releases : public testing::TestWithParam<std::string> {};

TEST_P(Releases, Passes) {
  expect_pass(GetParam(), [] { return engine_options().make_one("netfilter"); });
}

INSTANTIATE_TEST_SUITE_P(, Releases, testing::ValuesIn(cases_in(kReleases)),
                         [](const auto& info) { return test_name(info.param, kReleases); });

// Of the cells of one kind of service address and traffic policy those that the case leaves empty,
// as the kernel's netfilter sees it.
std::vector<TrafficCell> empty_cells(const std::string& file, ServiceKind kind, CellPolicy policy) {
  const auto one = read_case(file);
  if (!one) throw std::runtime_error(one.error().message);
  const auto ran = run_case(
      *one, [] { return engine_options().make_one("netfilter"); }, make_oracle);
  if (!ran) throw std::runtime_error(ran.error().message);
  std::vector<TrafficCell> empty = unreached_cells(ran->report.engines.at(0).cells);
  std::erase_if(empty, [&](const TrafficCell& cell) {
    return cell.service != kind || cell.policy != policy;
  });
  return empty;
}

struct ServiceFolder {
  const char* folder;
  ServiceKind kind;
};

void PrintTo(const ServiceFolder& folder, std::ostream* out) {
  *out << folder.folder;
}

class CellsOfServices : public testing::TestWithParam<ServiceFolder> {};

// In each state of the endpoints: so none is covered by a packet that happens to come by.
TEST_P(CellsOfServices, AreAllReached) {
  const auto engines = engine_options().make_one("netfilter");
  ASSERT_TRUE(engines) << engines.error().message;
  if (!engines->front().engine) GTEST_SKIP() << engines->front().engine.error().message;
  for (const CellPolicy policy : {CellPolicy::kCluster, CellPolicy::kLocal}) {
    for (const char* endpoints :
         {"no-endpoints", "endpoints-elsewhere", "endpoints-here-and-elsewhere"}) {
      const std::string file =
          fmt::format("{}/{}/{}-policy-{}.yaml", kCases, GetParam().folder,
                      policy == CellPolicy::kLocal ? "local" : "cluster", endpoints);
      const auto empty = empty_cells(file, GetParam().kind, policy);
      EXPECT_TRUE(empty.empty()) << file << " leaves empty\n  "
                                 << fmt::format("{}", fmt::join(name_cells(empty), "\n  "));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, CellsOfServices,
                         testing::Values(ServiceFolder{"cluster-ip", ServiceKind::kClusterIp},
                                         ServiceFolder{"node-port", ServiceKind::kNodePort},
                                         ServiceFolder{"load-balancer", ServiceKind::kLoadBalancer},
                                         ServiceFolder{"external-ip", ServiceKind::kExternalIp}),
                         [](const auto& info) { return std::string(to_string(info.param.kind)); });

// How many packets of the case the datapath's ledger took under that entry; empty where the
// datapath cannot run, or does not agree otherwise.
std::optional<uint64_t> taken_by(std::string_view entry, std::string_view file) {
  const auto one = read_case(fmt::format("{}/{}", KUBEPROOF_ROOT, file));
  if (!one) return std::nullopt;
  const auto ran = run_case(
      *one, [] { return engine_options().make_one("ebpf-tc"); }, make_oracle);
  if (!ran || verdict_of(*ran) != RunVerdict::kEquivalent) return std::nullopt;
  for (const DeviationReport& deviation : ran->report.engines.at(0).deviations) {
    if (deviation.id == entry) return deviation.packets;
  }
  return std::nullopt;
}

TEST(LedgerOfDeviations, IsPinnedFromBothSides) {
  const auto engines = engine_options().make_one("ebpf-tc");
  ASSERT_TRUE(engines) << engines.error().message;
  if (!engines->front().engine) GTEST_SKIP() << engines->front().engine.error().message;
  const Ledger ledger = Ledger::built_in();
  for (const Deviation& entry : ledger.entries()) {
    const auto taken = taken_by(entry.id, entry.pinned_by);
    ASSERT_TRUE(taken) << entry.pinned_by;
    EXPECT_GT(*taken, 0U) << entry.id << " is not reached by " << entry.pinned_by;
    const auto near = taken_by(entry.id, entry.near_miss);
    ASSERT_TRUE(near) << entry.near_miss;
    EXPECT_EQ(*near, 0U) << entry.id << " takes packets of " << entry.near_miss;
  }
}

}  // namespace
}  // namespace kubeproof
