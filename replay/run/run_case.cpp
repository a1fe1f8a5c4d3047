#include "replay/run/run_case.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "replay/report/merge_reports.h"
#include "replay/run/case_timeline.h"

namespace kubeproof {
namespace {

// Captures show what the captured node did, which the reference is then held to as well.
bool has_captures(const Case& one) {
  return std::any_of(one.steps.begin(), one.steps.end(), [](const Step& step) {
    return std::holds_alternative<CaptureStep>(step) || std::holds_alternative<CapturedStep>(step);
  });
}

Result<CaseReport> run_once(const Case& one, const EngineFactory& make_engines,
                            const OracleFactory& make_oracle, bool explain) {
  auto engines = make_engines();
  if (!engines) return tl::unexpected(engines.error());
  auto session = Session::start(one.configuration(), *std::move(engines), make_oracle);
  if (!session) return tl::unexpected(session.error());
  (*session)->explain(explain);
  if (has_captures(one)) {
    if (auto checked = (*session)->check_captured(make_oracle()); !checked) {
      return tl::unexpected(checked.error());
    }
  }
  CaseReport report;
  report.file = one.file;
  report.name = one.name;
  report.description = one.description;
  if (auto done = CaseTimeline(one, **session, report).run(); !done) {
    return tl::unexpected(done.error());
  }
  (*session)->report_into(report.report);
  return report;
}

}  // namespace

Result<CaseReport> run_case_once(const Case& one, const EngineFactory& make_engines,
                                 const OracleFactory& make_oracle) {
  return run_once(one, make_engines, make_oracle, /*explain=*/false);
}

Result<CaseReport> run_case(const Case& one, const EngineFactory& make_engines,
                            const OracleFactory& make_oracle) {
  auto report = run_case_once(one, make_engines, make_oracle);
  if (!report || report->failed.empty()) return report;
  // The real netfilter draws anew; a failure that does not come again is told as it was seen.
  auto explained = run_once(one, make_engines, make_oracle, /*explain=*/true);
  if (!explained) return explained;
  return explained->failed.empty() ? report : explained;
}

}  // namespace kubeproof
