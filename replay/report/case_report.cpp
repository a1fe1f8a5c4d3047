#include "replay/report/case_report.h"

#include <algorithm>
#include <array>

#include "replay/report/merge_reports.h"

namespace kubeproof {

std::string_view to_string(FailureKind kind) {
  constexpr std::array<std::string_view, 3> kNames = {"permitted", "seen", "distribution"};
  return kNames[static_cast<size_t>(kind)];
}

RunVerdict verdict_of(const CaseReport& report) {
  const bool failed = std::any_of(report.failed.begin(), report.failed.end(),
                                  [](const StepReport& step) { return !step.failures.empty(); });
  return failed ? RunVerdict::kDivergent : verdict_of(report.report);
}

RunVerdict verdict_of(const RunReport& report) {
  constexpr std::array kWorstFirst = {RunVerdict::kDivergent, RunVerdict::kIncomplete,
                                      RunVerdict::kEmpty};
  for (const RunVerdict verdict : kWorstFirst) {
    if (std::any_of(report.cases.begin(), report.cases.end(),
                    [&](const CaseReport& one) { return verdict_of(one) == verdict; })) {
      return verdict;
    }
  }
  return RunVerdict::kEquivalent;
}

Report totals_of(const RunReport& report) {
  Report totals;
  for (const CaseReport& one : report.cases) merge_into(totals, one.report);
  return totals;
}

}  // namespace kubeproof
