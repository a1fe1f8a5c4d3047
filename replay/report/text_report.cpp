#include "replay/report/text_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

enum class Ink : uint8_t { kBold, kGreen, kRed, kYellow, kDim };

class TextReport {
 public:
  TextReport(const Report& report, const TextStyle& style) : report_(report), style_(style) {}

  std::string render() && {
    subject();
    verdict();
    columns();
    skipped();
    failures();
    for (const ColumnReport& column : report_.engines) divergences(column);
    if (report_.captured) divergences(*report_.captured);
    traffic();
    import();
    deviations();
    return std::move(text_);
  }

 private:
  std::string ink(Ink ink, std::string_view text) const {
    if (!style_.color) return std::string(text);
    constexpr std::string_view kCodes[] = {"1", "32", "31", "33", "2"};
    return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<size_t>(ink)], text);
  }
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  void heading(std::string_view text) { text_ += "\n" + ink(Ink::kBold, text) + "\n"; }

  void subject();
  void verdict();
  std::string incomplete_reason() const;
  void columns();
  void skipped();
  void failures();
  void divergences(const ColumnReport& column);
  void divergence(const ColumnReport& column, const DivergenceReport& divergence);
  void list(std::string_view label, const std::vector<std::string>& lines);
  void traffic();
  void import();
  void deviations();

  const Report& report_;
  const TextStyle& style_;
  std::string text_;
};

void TextReport::subject() {
  constexpr size_t kShown = 3;
  std::string inputs;
  for (size_t i = 0; i < std::min(kShown, report_.inputs.size()); ++i) {
    inputs += (i == 0 ? "" : ", ") + report_.inputs[i];
  }
  if (report_.inputs.size() > kShown) {
    inputs += fmt::format(" and {} more", report_.inputs.size() - kShown);
  }
  text_ += ink(Ink::kBold, fmt::format("kubeproof {}: {}", report_.command, inputs));
  if (!report_.node.empty()) {
    text_ += fmt::format(" on node {} ({}, {})", report_.node,
                         counted(report_.services, "service", "services"),
                         counted(report_.endpoints, "endpoint", "endpoints"));
  }
  text_ += "\n";
}

std::string TextReport::incomplete_reason() const {
  for (const ColumnReport& column : report_.engines) {
    if (column.status == ColumnStatus::kFailed) return column.name + " broke down";
    if (column.status == ColumnStatus::kSkipped && column.required) {
      return column.name + " cannot run here";
    }
  }
  return "no engine can run here";
}

void TextReport::verdict() {
  switch (verdict_of(report_)) {
    case RunVerdict::kEquivalent:
      line("{}: every packet was treated as kube-proxy would treat it",
           ink(Ink::kGreen, "equivalent"));
      return;
    case RunVerdict::kIncomplete:
      line("{}: {}", ink(Ink::kYellow, "incomplete"), incomplete_reason());
      return;
    case RunVerdict::kEmpty:
      line("{}: there was no packet to compare", ink(Ink::kYellow, "nothing shown"));
      return;
    case RunVerdict::kDivergent:
      break;
  }
  std::string who;
  const auto add = [&](const std::string& text) { who += (who.empty() ? "" : "; ") + text; };
  for (const ColumnReport& column : report_.engines) {
    if (column.diverge == 0) continue;
    add(fmt::format("{} on {}", column.name, counted(column.diverge, "packet", "packets")));
  }
  if (report_.captured && report_.captured->diverge != 0) {
    add(fmt::format("the captured node and the reference on {}",
                    counted(report_.captured->diverge, "packet", "packets")));
  }
  if (!report_.failures.empty()) {
    add(counted(report_.failures.size(), "expectation", "expectations") + " failed");
  }
  line("{}: {}", ink(Ink::kRed, "NOT equivalent"), who);
}

void TextReport::columns() {
  TextTable table;
  table.add_row({"", "packets", "agree", "differ", "follow", "forwarded", "delivered", "answered",
                 "dropped"});
  const auto add = [&](const ColumnReport& column) {
    if (column.status == ColumnStatus::kSkipped) return;
    std::vector<std::string> row = {column.name};
    for (const uint64_t number :
         {column.packets, column.agree, column.diverge, column.consequences}) {
      row.push_back(with_separators(number));
    }
    for (const uint64_t number : column.fates) row.push_back(with_separators(number));
    table.add_row(std::move(row));
  };
  for (const ColumnReport& column : report_.engines) add(column);
  if (report_.captured) add(*report_.captured);
  text_ += "\n" + table.render(2);
  if (report_.captured && report_.captured->fates[static_cast<size_t>(FateClass::kDropped)] != 0) {
    line("  (dropped by the captured node: or delivered to its sockets, the capture cannot tell)");
  }
  for (const ColumnReport& column : report_.engines) {
    if (column.undecided == 0) continue;
    line("  ({}: rules that are not understood decide over {})", column.name,
         counted(column.undecided, "packet", "packets"));
  }
  if (report_.captured && report_.captured->not_shown != 0) {
    line("  (of {} the capture does not show what became of them)",
         counted(report_.captured->not_shown, "packet", "packets"));
  }
}

void TextReport::skipped() {
  for (const ColumnReport& column : report_.engines) {
    if (column.status == ColumnStatus::kRan) continue;
    line("  {} {}: {}", column.name, ink(Ink::kYellow, to_string(column.status)), column.reason);
  }
}

void TextReport::failures() {
  if (report_.expectations == 0) return;
  if (report_.failures.empty()) {
    line("\n  {} met", counted(report_.expectations, "expectation", "expectations"));
    return;
  }
  heading(fmt::format("{} of {} failed", with_separators(report_.failures.size()),
                      counted(report_.expectations, "expectation", "expectations")));
  for (const ExpectationFailure& failure : report_.failures) {
    line("  {}{}{}: {}", failure.source, failure.column.empty() ? "" : ", ", failure.column,
         failure.text);
  }
}

void TextReport::divergences(const ColumnReport& column) {
  if (column.diverge == 0) return;
  heading(fmt::format("{}: {}", column.name, counted(column.diverge, "divergence", "divergences")));
  const size_t shown = std::min(style_.most_divergences, column.divergences.size());
  for (size_t i = 0; i < shown; ++i) divergence(column, column.divergences[i]);
  if (column.diverge > shown) line("\n  … and {} more", with_separators(column.diverge - shown));
}

void TextReport::list(std::string_view label, const std::vector<std::string>& lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    line("     {} {}", ink(Ink::kDim, fmt::format("{:<10}", i == 0 ? label : "")), lines[i]);
  }
}

void TextReport::divergence(const ColumnReport& column, const DivergenceReport& divergence) {
  const Disagreement& disagreement = divergence.disagreement;
  line("\n {:>2}  {}, from {}", divergence.number, divergence.source, divergence.ingress);
  line("     {}", divergence.packet);
  for (const DifferencePart& part : disagreement.difference.parts) {
    line("     {}", ink(Ink::kRed, part.text));
  }
  list("seen", {disagreement.seen});
  std::vector<std::string> permitted = disagreement.permitted;
  if (disagreement.outcomes > permitted.size()) {
    permitted.push_back(fmt::format("… and {} more outcomes",
                                    with_separators(disagreement.outcomes - permitted.size())));
  }
  list("permitted", permitted);
  list("rules", disagreement.rules);
  list("decisions", divergence.decisions);
  if (divergence.consequences != 0) {
    list("then", {counted(divergence.consequences, "later packet", "later packets") +
                  " of the flow out of step"});
  }
  if (!divergence.case_file.empty()) {
    list("again", {fmt::format("kubeproof run --engine {} {}", column.name, divergence.case_file)});
  }
}

// Which cells the traffic reached, from the first engine that ran.
void TextReport::traffic() {
  const auto ran =
      std::find_if(report_.engines.begin(), report_.engines.end(),
                   [](const ColumnReport& c) { return c.status == ColumnStatus::kRan; });
  if (ran == report_.engines.end() || ran->packets == 0) return;
  std::vector<std::pair<Family, CellProtocol>> kinds;
  std::vector<std::pair<ServiceKind, Origin>> rows;
  ran->cells.for_each([&](const TrafficCell& cell, uint64_t) {
    const std::pair kind(cell.family, cell.protocol);
    const std::pair row(cell.service, cell.origin);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
    if (std::find(rows.begin(), rows.end(), row) == rows.end()) rows.push_back(row);
  });
  std::sort(kinds.begin(), kinds.end());
  // What concerns no service comes last.
  std::stable_partition(rows.begin(), rows.end(),
                        [](const auto& row) { return row.first != ServiceKind::kNone; });
  TextTable table;
  std::vector<std::string> header = {"packets to and from"};
  for (const auto& [family, protocol] : kinds) {
    header.push_back(fmt::format("{} {}", to_string(family), to_string(protocol)));
  }
  table.add_row(std::move(header));
  for (const auto& [service, origin] : rows) {
    std::vector<std::string> row = {
        fmt::format("{}, {}", service == ServiceKind::kNone ? "no service" : to_string(service),
                    to_string(origin))};
    for (const auto& [family, protocol] : kinds) {
      const uint64_t count = ran->cells[{service, origin, family, protocol}];
      row.push_back(count == 0 ? "-" : with_separators(count));
    }
    table.add_row(std::move(row));
  }
  text_ += "\n" + table.render(2);
}

void TextReport::import() {
  for (const bool set_aside : {false, true}) {
    TextTable table;
    bool any = false;
    for (const ImportCount& line : report_.import) {
      if (line.count == 0 || line.set_aside != set_aside) continue;
      any = true;
      table.add_row({"", with_separators(line.count), line.text, line.first});
    }
    if (!any) continue;
    line("\n  {}", set_aside ? "set aside, not replayed" : "read from the captures");
    text_ += table.render(2);
    for (const ImportCount& count : report_.import) {
      if (count.set_aside != set_aside) continue;
      for (const std::string& detail : count.details) line("    {}", detail);
    }
  }
}

void TextReport::deviations() {
  TextTable table;
  bool any = false;
  for (const ColumnReport& column : report_.engines) {
    for (const DeviationReport& deviation : column.deviations) {
      if (deviation.packets == 0) continue;
      any = true;
      table.add_row({fmt::format("{}: {} ({})", column.name, deviation.title, deviation.id),
                     with_separators(deviation.packets)});
    }
  }
  if (!any) return;
  heading("known deviations");
  text_ += table.render(2);
}

}  // namespace

std::string render_text(const Report& report, const TextStyle& style) {
  return TextReport(report, style).render();
}

}  // namespace kubeproof
