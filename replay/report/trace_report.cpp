#include "replay/report/trace_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

using Json = nlohmann::ordered_json;

bool diverges(const TraceColumn& column) {
  return column.judgement == Judgement::kDiverges;
}
bool has_run(const TraceColumn& column) {
  return column.status == ColumnStatus::kRan;
}

std::string agreement(const TraceColumn& column) {
  switch (column.judgement) {
    case Judgement::kAgrees:
      return "yes";
    case Judgement::kDeviates:
      return "known deviation";
    case Judgement::kUndecided:
      return "undecided";
    default:
      return "NO";
  }
}

std::vector<const TraceColumn*> shown_columns(const TraceReport& report) {
  std::vector<const TraceColumn*> columns;
  for (const TraceColumn& column : report.engines) {
    if (has_run(column)) columns.push_back(&column);
  }
  if (report.captured) columns.push_back(&*report.captured);
  return columns;
}

std::string render_table(const TraceReport& report) {
  const auto columns = shown_columns(report);
  TextTable table(TextTable::Numbers::kLeft);
  const auto add = [&](std::string label, std::string permitted, auto of_column) {
    std::vector<std::string> row = {std::move(label), std::move(permitted)};
    for (const TraceColumn* column : columns) row.push_back(of_column(*column));
    table.add_row(std::move(row));
  };
  const auto add_line = [&](std::string label, std::string TraceSummary::*line) {
    add(std::move(label), report.permitted.*line,
        [&](const TraceColumn& column) { return column.summary.*line; });
  };
  add("", "reference", [](const TraceColumn& column) { return column.name; });
  add_line("verdict", &TraceSummary::verdict);
  add_line("goes to", &TraceSummary::place);
  add_line("source", &TraceSummary::source);
  add_line("destination", &TraceSummary::destination);
  add_line("TTL", &TraceSummary::ttl);
  add("agrees", "", agreement);
  return table.render(2);
}

class TraceText {
 public:
  TraceText(const TraceReport& report, bool color) : report_(report), color_(color) {}

  std::string render() && {
    text_ = fmt::format("{} {}, from {}\n\n", bold("kubeproof trace:"), report_.packet,
                        report_.ingress);
    text_ += render_table(report_);
    for (const TraceColumn& column : report_.engines) {
      if (has_run(column)) continue;
      text_ += fmt::format("  {} {}: {}\n", column.name, to_string(column.status), column.reason);
    }
    outcomes();
    for (const TraceColumn* column : shown_columns(report_)) engine(*column);
    conclusion();
    return std::move(text_);
  }

 private:
  std::string paint(std::string_view code, std::string_view text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }
  std::string bold(std::string_view text) const { return paint("1", text); }
  void lines(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) text_ += fmt::format("      {}\n", line);
  }

  // Outcomes share most of their rules: of the later ones, only what the first has not.
  void outcomes() {
    text_ += fmt::format("\n{}, {}\n", bold("reference"),
                         report_.outcomes.size() == 1
                             ? "one outcome is permitted"
                             : fmt::format("{} outcomes are permitted", report_.outcomes.size()));
    for (size_t i = 0; i < report_.outcomes.size(); ++i) {
      const TraceOutcome& outcome = report_.outcomes[i];
      text_ += fmt::format("  {}  {:.4g} %  {}\n", i + 1, outcome.probability * 100, outcome.text);
      if (i == 0) {
        lines(outcome.rules);
      } else {
        lines(beyond(report_.outcomes.front().rules, outcome.rules));
      }
    }
  }

  static std::vector<std::string> beyond(const std::vector<std::string>& known,
                                         const std::vector<std::string>& rules) {
    std::vector<std::string> others;
    for (const std::string& rule : rules) {
      if (std::find(known.begin(), known.end(), rule) == known.end()) others.push_back(rule);
    }
    return others;
  }

  void engine(const TraceColumn& column) {
    text_ +=
        fmt::format("\n{}{}\n  {}\n", bold(column.name),
                    column.source.empty() ? "" : fmt::format(" ({})", column.source), column.seen);
    for (const DifferencePart& part : column.difference.parts) {
      text_ += fmt::format("  {}\n", paint("31", part.text));
    }
    lines(column.steps);
  }

  void conclusion() {
    text_ += "\n";
    switch (verdict_of(report_)) {
      case RunVerdict::kEquivalent:
        text_ += any_undecided() ? paint("33", "unknown") +
                                       ": what decides is not understood, and no engine can be "
                                       "held to it\n"
                                 : paint("32", "they agree") + "\n";
        return;
      case RunVerdict::kDivergent:
        text_ += paint("31", "they do NOT agree") + "\n";
        return;
      case RunVerdict::kEmpty:  // a trace has its packet
      case RunVerdict::kIncomplete:
        text_ += paint("33", "incomplete") + ": not every engine that was asked for could run\n";
        return;
    }
  }

  bool any_undecided() const {
    const auto columns = shown_columns(report_);
    return std::any_of(columns.begin(), columns.end(), [](const TraceColumn* column) {
      return column->judgement == Judgement::kUndecided;
    });
  }

  const TraceReport& report_;
  bool color_;
  std::string text_;
};

Json to_json(const TraceColumn& column) {
  Json json = {{"name", column.name}, {"status", to_string(column.status)}};
  if (!column.reason.empty()) json["reason"] = column.reason;
  if (!has_run(column)) return json;
  if (!column.source.empty()) json["source"] = column.source;
  json["verdict"] = column.summary.verdict;
  json["seen"] = column.seen;
  json["agrees"] = !diverges(column);
  json["judgement"] = to_string(column.judgement);
  Json differences = Json::array();
  for (const DifferencePart& part : column.difference.parts) {
    differences.push_back({{"kind", to_string(part.kind)}, {"text", part.text}});
  }
  json["differences"] = std::move(differences);
  json["steps"] = column.steps;
  return json;
}

}  // namespace

RunVerdict verdict_of(const TraceReport& report) {
  if (std::any_of(report.engines.begin(), report.engines.end(), diverges) ||
      (report.captured && diverges(*report.captured))) {
    return RunVerdict::kDivergent;
  }
  const bool any = std::any_of(report.engines.begin(), report.engines.end(), has_run);
  const bool all = std::all_of(report.engines.begin(), report.engines.end(),
                               [](const auto& c) { return has_run(c) || !c.required; });
  return any && all ? RunVerdict::kEquivalent : RunVerdict::kIncomplete;
}

std::string render_trace_text(const TraceReport& report, bool color) {
  return TraceText(report, color).render();
}

std::string render_trace_json(const TraceReport& report) {
  const RunVerdict verdict = verdict_of(report);
  Json outcomes = Json::array();
  for (const TraceOutcome& outcome : report.outcomes) {
    Json one = {{"probability", outcome.probability}, {"text", outcome.text}};
    if (!outcome.endpoint.empty()) one["endpoint"] = outcome.endpoint;
    one["masquerade"] = outcome.masquerade;
    one["rules"] = outcome.rules;
    outcomes.push_back(std::move(one));
  }
  Json engines = Json::array();
  for (const TraceColumn& column : report.engines) engines.push_back(to_json(column));
  Json json = {{"kubeproof", "v1"},
               {"command", "trace"},
               {"verdict", to_string(verdict)},
               {"exit_status", exit_status(verdict)},
               {"packet", report.packet},
               {"ingress", report.ingress},
               {"reference", {{"verdict", report.permitted.verdict}, {"outcomes", outcomes}}},
               {"engines", std::move(engines)}};
  if (report.captured) json["captured"] = to_json(*report.captured);
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kubeproof
