#include "replay/report/case_text.h"

#include <algorithm>
#include <utility>

#include "replay/report/cells_text.h"
#include "replay/report/columns_text.h"
#include "replay/report/text_table.h"
#include "replay/report/text_writer.h"

namespace kubeproof {
namespace {

// Of a case that diverges everywhere, these are enough.
constexpr size_t kStepsShown = 10;
constexpr size_t kDivergencesShown = 3;  // per step and engine

std::pair<std::string_view, Ink> headline(RunVerdict verdict) {
  switch (verdict) {
    case RunVerdict::kEquivalent:
      return {"ok", Ink::kGreen};
    case RunVerdict::kIncomplete:
      return {"incomplete", Ink::kYellow};
    case RunVerdict::kEmpty:
      return {"empty", Ink::kYellow};
    case RunVerdict::kDivergent:
      break;
  }
  return {"FAILED", Ink::kRed};
}

class CasesText {
 public:
  CasesText(const RunReport& report, bool color)
      : report_(report), totals_(totals_of(report)), out_(color) {}

  std::string render() && {
    out_.add(out_.ink(Ink::kBold, "kubeproof run"));
    out_.line(": {}", counted(report_.cases.size(), "case", "cases"));
    verdict();
    out_.add("\n");
    for (const CaseReport& one : report_.cases) one_case(one);
    write_columns(out_, totals_.engines, totals_.captured);
    cells();
    write_deviations(out_, totals_.engines);
    if (!report_.passed_over.empty()) {
      out_.add("\n");
      for (const std::string& file : report_.passed_over) {
        out_.line("  passed over, since it is no case: {}", file);
      }
    }
    return out_.take();
  }

 private:
  void verdict();
  void cells();
  void one_case(const CaseReport& one);
  void step(const CaseReport& one, const StepReport& step);
  void divergences(const ColumnReport& column, size_t step);

  const RunReport& report_;
  const Report totals_;
  TextWriter out_;
};

void CasesText::verdict() {
  size_t failed = 0;
  uint64_t expectations = 0;
  for (const CaseReport& one : report_.cases) {
    if (verdict_of(one) == RunVerdict::kDivergent) ++failed;
    expectations += one.expectations;
  }
  switch (verdict_of(report_)) {
    case RunVerdict::kEquivalent:
      out_.line("{}: the engines agree with kube-proxy's rules; {} met",
                out_.ink(Ink::kGreen, "passed"),
                counted(expectations, "expectation", "expectations"));
      return;
    case RunVerdict::kIncomplete:
      out_.line("{}: {}", out_.ink(Ink::kYellow, "incomplete"), incomplete_reason(totals_.engines));
      return;
    case RunVerdict::kEmpty:
      out_.line("{}: there is a case without a packet to compare",
                out_.ink(Ink::kYellow, "nothing shown"));
      return;
    case RunVerdict::kDivergent:
      out_.line("{}: {}", out_.ink(Ink::kRed, "FAILED"), counted(failed, "case", "cases"));
  }
}

// From the first engine that ran. What one case does not reach is no news.
void CasesText::cells() {
  const auto ran =
      std::find_if(totals_.engines.begin(), totals_.engines.end(), [](const ColumnReport& column) {
        return column.status == ColumnStatus::kRan && column.packets != 0;
      });
  if (ran == totals_.engines.end()) return;
  write_cells(out_, ran->cells, CellRows::kByKindAndPolicy);
  if (report_.cases.size() > 1) write_reach(out_, ran->cells);
}

void CasesText::one_case(const CaseReport& one) {
  const auto [word, ink] = headline(verdict_of(one));
  uint64_t packets = 0;
  for (const ColumnReport& column : one.report.engines) {
    packets = std::max(packets, column.packets);
  }
  out_.line("{}  {}  ({}, {})", out_.ink(ink, fmt::format("{:<6}", word)), one.file,
            counted(one.expectations, "expectation", "expectations"),
            counted(packets, "packet", "packets"));
  for (const ImportCount& count : one.report.import) {
    for (const std::string& detail : count.details) out_.line("        {}", detail);
  }
  if (one.failed.empty()) return;
  if (!one.description.empty()) out_.line("        {}", out_.ink(Ink::kDim, one.description));
  const size_t shown = std::min(kStepsShown, one.failed.size());
  for (size_t i = 0; i < shown; ++i) step(one, one.failed[i]);
  if (one.failed.size() > shown) {
    out_.line("        … and {} more", counted(one.failed.size() - shown, "step", "steps"));
  }
  out_.add("\n");
}

void CasesText::step(const CaseReport& one, const StepReport& step) {
  constexpr size_t kIndent = 10;
  out_.line("\n        {}",
            out_.ink(Ink::kBold, fmt::format("step {}: {}", step.number, step.what)));
  if (!step.expected.empty()) out_.list(kIndent, "expected", {step.expected});
  for (const ExpectationFailure& failure : step.failures) {
    if (failure.kind == FailureKind::kPermitted) {
      out_.list(kIndent, "reference", {out_.ink(Ink::kRed, failure.text)});
    } else {
      out_.list(kIndent, "but",
                {fmt::format("{}: {}", failure.engine, out_.ink(Ink::kRed, failure.text))});
    }
    out_.list(kIndent, "rules", failure.rules);
  }
  for (const EngineFate& fate : step.fates) {
    out_.list(kIndent, fate.engine, {fate.seen});
    out_.list(kIndent, "", fate.decisions);
  }
  for (const ColumnReport& column : one.report.engines) divergences(column, step.number);
  if (one.report.captured) divergences(*one.report.captured, step.number);
}

void CasesText::divergences(const ColumnReport& column, size_t step) {
  constexpr size_t kIndent = 12;
  size_t count = 0;
  for (const DivergenceReport& divergence : column.divergences) {
    if (divergence.step != step) continue;
    if (++count > kDivergencesShown) continue;
    out_.line("          {} differs: {}, from {}", column.name, divergence.source,
              divergence.ingress);
    write_divergence(out_, divergence, kIndent);
  }
  if (count > kDivergencesShown) {
    out_.line("          {} differs on {} more", column.name,
              counted(count - kDivergencesShown, "packet", "packets"));
  }
}

}  // namespace

std::string render_text(const RunReport& report, bool color) {
  return CasesText(report, color).render();
}

}  // namespace kubeproof
