#include "replay/report/columns_text.h"

#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

void add_column(TextTable& table, const ColumnReport& column) {
  if (column.status == ColumnStatus::kSkipped) return;
  std::vector<std::string> row = {column.name};
  for (const uint64_t number :
       {column.packets, column.agree, column.diverge, column.consequences}) {
    row.push_back(with_separators(number));
  }
  for (const uint64_t number : column.fates) row.push_back(with_separators(number));
  table.add_row(std::move(row));
}

}  // namespace

void write_columns(TextWriter& out, const std::vector<ColumnReport>& engines,
                   const std::optional<ColumnReport>& captured) {
  TextTable table;
  table.add_row({"", "packets", "agree", "differ", "follow", "forwarded", "delivered", "answered",
                 "dropped"});
  for (const ColumnReport& column : engines) add_column(table, column);
  if (captured) add_column(table, *captured);
  out.add("\n" + table.render(2));
  if (captured && captured->fates[static_cast<size_t>(FateClass::kDropped)] != 0) {
    out.line(
        "  (dropped by the captured node: or delivered to its sockets, the capture cannot tell)");
  }
  for (const ColumnReport& column : engines) {
    if (column.undecided == 0) continue;
    out.line("  ({}: rules that are not understood decide over {})", column.name,
             counted(column.undecided, "packet", "packets"));
  }
  if (captured && captured->not_shown != 0) {
    out.line("  (of {} the capture does not show what became of them)",
             counted(captured->not_shown, "packet", "packets"));
  }
  for (const ColumnReport& column : engines) {
    if (column.status == ColumnStatus::kRan) continue;
    out.line("  {} {}: {}", column.name, out.ink(Ink::kYellow, to_string(column.status)),
             column.reason);
  }
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
  if (!divergence.case_command.empty()) out.list(indent, "again", {divergence.case_command});
}

}  // namespace kubeproof
