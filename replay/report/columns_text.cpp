#include "replay/report/columns_text.h"

#include <algorithm>

#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

// A capture of one interface, or without link-layer headers, shows nothing of what the node did.
bool shows_anything(const std::optional<ColumnReport>& captured) {
  return captured && captured->not_shown != captured->packets;
}

// `never`: what cannot be seen of this column. `classes`: how many kinds of fates there are.
void add_column(TextTable& table, const ColumnReport& column, FateClass never, size_t classes) {
  if (column.status == ColumnStatus::kSkipped) return;
  std::vector<std::string> row = {column.name};
  for (const uint64_t number :
       {column.packets, column.agree, column.diverge, column.consequences}) {
    row.push_back(with_separators(number));
  }
  for (size_t i = 0; i < classes; ++i) {
    row.push_back(static_cast<FateClass>(i) == never ? "-" : with_separators(column.fates[i]));
  }
  table.add_row(std::move(row));
}

bool any_follow(const std::vector<ColumnReport>& engines,
                const std::optional<ColumnReport>& captured) {
  const auto any = [](const ColumnReport& column) { return column.consequences != 0; };
  return std::any_of(engines.begin(), engines.end(), any) || (captured && any(*captured));
}

// What the table does not say by itself.
void write_remarks(TextWriter& out, const std::vector<ColumnReport>& engines,
                   const std::optional<ColumnReport>& captured) {
  if (shows_anything(captured)) {
    out.line(
        "  captured: what the node of the capture did; stayed: not seen leaving it, so delivered "
        "or dropped");
  } else if (captured && captured->packets != 0) {
    out.line("  what the node of the capture did is not to be seen; tcpdump -i any would show it");
  }
  if (any_follow(engines, captured)) {
    out.line("  follow: later packets of flows that had differed before");
  }
  for (const ColumnReport& column : engines) {
    if (column.undecided == 0) continue;
    out.line("  {}: what decides over {} is not understood", column.name,
             counted(column.undecided, "packet", "packets"));
  }
  if (shows_anything(captured) && captured->not_shown != 0) {
    out.line("  captured: what became of {} is not to be seen",
             counted(captured->not_shown, "packet", "packets"));
  }
}

}  // namespace

void write_columns(TextWriter& out, const std::vector<ColumnReport>& engines,
                   const std::optional<ColumnReport>& captured) {
  const bool with_captured = shows_anything(captured);
  TextTable table;
  std::vector<std::string> header = {"",          "packets",   "agree",    "differ", "follow",
                                     "forwarded", "delivered", "answered", "dropped"};
  if (with_captured) header.emplace_back("stayed");
  table.add_row(std::move(header));
  // Of an engine everything is seen; of the captured node no drop.
  const size_t classes = with_captured ? kFateClasses : kFateClasses - 1;
  for (const ColumnReport& column : engines) {
    add_column(table, column, FateClass::kStayed, classes);
  }
  if (with_captured) add_column(table, *captured, FateClass::kDropped, classes);
  out.add("\n" + table.render(2));
  write_remarks(out, engines, captured);
  for (const ColumnReport& column : engines) {
    if (column.status == ColumnStatus::kRan) continue;
    out.line("  {} {}: {}", column.name, out.ink(Ink::kYellow, to_string(column.status)),
             column.reason);
  }
}

void write_deviations(TextWriter& out, const std::vector<ColumnReport>& engines) {
  TextTable table;
  size_t entries = 0;
  bool any = false;
  for (const ColumnReport& column : engines) {
    if (column.status != ColumnStatus::kRan) continue;
    entries = std::max(entries, column.deviations.size());
    for (const DeviationReport& deviation : column.deviations) {
      if (deviation.packets == 0) continue;
      any = true;
      table.add_row(
          {column.name, with_separators(deviation.packets), deviation.id, deviation.title});
    }
  }
  if (entries == 0) return;
  if (!any) return out.line("\n  known deviations: {}, and no packet took any", entries);
  out.line("\n  known deviations, and how many packets took them");
  out.add(table.render(4));
}

std::string incomplete_reason(const std::vector<ColumnReport>& engines) {
  for (const ColumnReport& column : engines) {
    if (column.status == ColumnStatus::kFailed) return column.name + " broke down";
    if (column.status == ColumnStatus::kSkipped && column.required) {
      return column.name + " cannot run here";
    }
  }
  return "no engine can run here";
}

void write_divergence(TextWriter& out, const DivergenceReport& divergence, size_t indent) {
  const Disagreement& disagreement = divergence.disagreement;
  out.line("{:{}}{}", "", indent, divergence.packet);
  for (const DifferencePart& part : disagreement.difference.parts) {
    out.line("{:{}}{}", "", indent, out.ink(Ink::kRed, part.text));
  }
  out.list(indent, "seen", {disagreement.seen});
  std::vector<std::string> permitted = disagreement.permitted;
  if (disagreement.outcomes > permitted.size()) {
    permitted.push_back(fmt::format("… and {} more outcomes",
                                    with_separators(disagreement.outcomes - permitted.size())));
  }
  out.list(indent, "permitted", permitted);
  out.list(indent, "rules", disagreement.rules);
  out.list(indent, "decisions", divergence.decisions);
  if (divergence.consequences != 0) {
    out.list(indent, "then",
             {counted(divergence.consequences, "later packet", "later packets") +
              " of the flow out of step"});
  }
  if (!divergence.scenario.empty()) {
    out.line("{:{}}in all", "", indent);
    for (size_t at = 0; at < divergence.scenario.size();) {
      const size_t end = std::min(divergence.scenario.find('\n', at), divergence.scenario.size());
      out.line("{:{}}{}", "", indent + 2, divergence.scenario.substr(at, end - at));
      at = end + 1;
    }
  }
  if (!divergence.case_command.empty()) out.list(indent, "again", {divergence.case_command});
}

}  // namespace kubeproof
