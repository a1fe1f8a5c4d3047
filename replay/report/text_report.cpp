#include "replay/report/text_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "replay/report/cells_text.h"
#include "replay/report/columns_text.h"
#include "replay/report/divergence_kinds.h"
#include "replay/report/text_table.h"
#include "replay/report/text_writer.h"

namespace kubeproof {
namespace {

constexpr size_t kIndent = 5;
// A short run cannot come by everything.
constexpr uint64_t kPacketsThatReachEverything = 200'000;

// The first of every kind, and the very first few, in their order.
std::vector<const DivergenceReport*> choose_examples(
    const std::vector<DivergenceReport>& divergences, const std::vector<DivergenceKind>& kinds,
    size_t most) {
  constexpr size_t kAtLeast = 3;
  std::vector<const DivergenceReport*> chosen;
  for (const DivergenceKind& kind : kinds) {
    if (chosen.size() < most) chosen.push_back(kind.first);
  }
  for (const DivergenceReport& one : divergences) {
    if (chosen.size() >= std::min(kAtLeast, most)) break;
    if (std::find(chosen.begin(), chosen.end(), &one) == chosen.end()) chosen.push_back(&one);
  }
  std::sort(chosen.begin(), chosen.end());  // all of them lie in one vector
  return chosen;
}

bool any_undecided(const std::vector<ColumnReport>& columns) {
  return std::any_of(columns.begin(), columns.end(),
                     [](const ColumnReport& column) { return column.undecided != 0; });
}

class TextReport {
 public:
  TextReport(const Report& report, const TextStyle& style)
      : report_(report), style_(style), out_(style.color) {}

  std::string render() && {
    subject();
    verdict();
    write_columns(out_, report_.engines, report_.captured);
    for (const std::string& note : report_.notes) {
      out_.line("  {}: {}", out_.ink(Ink::kYellow, "note"), note);
    }
    for (const ColumnReport& column : report_.engines) divergences(column);
    if (report_.captured) divergences(*report_.captured);
    traffic();
    import();
    write_deviations(out_, report_.engines);
    return out_.take();
  }

 private:
  void subject();
  void verdict();
  void divergences(const ColumnReport& column);
  void kinds(const std::vector<DivergenceKind>& kinds);
  void traffic();
  void import();

  const Report& report_;
  const TextStyle& style_;
  TextWriter out_;
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
  out_.add(out_.ink(Ink::kBold, fmt::format("kubeproof {}: {}", report_.command, inputs)));
  if (report_.fuzz) {
    const FuzzFigures& fuzz = *report_.fuzz;
    out_.add(fmt::format("seed {}, {} in {} s", fuzz.seed, counted(fuzz.cases, "case", "cases"),
                         fuzz.time.count()));
    if (fuzz.shards > 1) out_.add(fmt::format(", shard {} of {}", fuzz.shard, fuzz.shards));
  }
  if (!report_.node.empty()) {
    out_.add(fmt::format(" on node {} ({}, {})", report_.node,
                         counted(report_.services, "service", "services"),
                         counted(report_.endpoints, "endpoint", "endpoints")));
  }
  out_.add("\n");
}

void TextReport::verdict() {
  switch (verdict_of(report_)) {
    case RunVerdict::kEquivalent:
      if (any_undecided(report_.engines)) {
        out_.line(
            "{}: no packet was treated otherwise than the rules say; what decides over some is not "
            "understood",
            out_.ink(Ink::kYellow, "equivalent as far as is known"));
      } else {
        out_.line("{}: every packet was treated as kube-proxy would treat it",
                  out_.ink(Ink::kGreen, "equivalent"));
      }
      return;
    case RunVerdict::kIncomplete:
      out_.line("{}: {}", out_.ink(Ink::kYellow, "incomplete"), incomplete_reason(report_.engines));
      return;
    case RunVerdict::kEmpty:
      out_.line("{}: there was no packet whose fate could be compared",
                out_.ink(Ink::kYellow, "nothing shown"));
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
  out_.line("{}: {}", out_.ink(Ink::kRed, "NOT equivalent"), who);
  if (report_.captured && report_.captured->diverge != 0) {
    out_.line(
        "  The captured node did what kube-proxy's rules for these objects do not do. Are the "
        "objects,\n"
        "  kube-proxy's configuration, the interfaces and the routes those of that node at that "
        "time?");
  }
}

void TextReport::divergences(const ColumnReport& column) {
  if (column.diverge == 0) return;
  out_.heading(
      fmt::format("{}: {}", column.name, counted(column.diverge, "divergence", "divergences")));
  const std::vector<DivergenceKind> found = divergence_kinds(column.divergences);
  if (column.divergences.size() > 1) kinds(found);
  const std::vector<const DivergenceReport*> shown =
      choose_examples(column.divergences, found, style_.most_divergences);
  for (const DivergenceReport* one : shown) {
    out_.line("\n {:>2}  {}, from {}", one->number, one->source, one->ingress);
    write_divergence(out_, *one, kIndent);
  }
  if (column.diverge > shown.size()) {
    out_.line("\n  … and {} more, the first thousand with --format json",
              with_separators(column.diverge - shown.size()));
  }
}

// What to look at first: how many ways there are, how often, and in whose traffic.
void TextReport::kinds(const std::vector<DivergenceKind>& kinds) {
  TextTable table;
  table.add_row({"packets", "first", "what differs", "whose traffic"});
  for (size_t i = 0; i < std::min(style_.most_divergences, kinds.size()); ++i) {
    table.add_row({with_separators(kinds[i].packets), std::to_string(kinds[i].first->number),
                   kinds[i].differs, kinds[i].traffic});
  }
  out_.add(table.render(2));
  if (kinds.size() > style_.most_divergences) {
    out_.line("  … and {} more kinds", with_separators(kinds.size() - style_.most_divergences));
  }
}

// From the first engine that ran.
void TextReport::traffic() {
  const auto ran =
      std::find_if(report_.engines.begin(), report_.engines.end(),
                   [](const ColumnReport& c) { return c.status == ColumnStatus::kRan; });
  if (ran == report_.engines.end() || ran->packets == 0) return;
  write_cells(out_, ran->cells, report_.fuzz ? CellRows::kByKindAndPolicy : CellRows::kByKind);
  if (report_.fuzz && ran->packets >= kPacketsThatReachEverything) write_reach(out_, ran->cells);
}

void TextReport::import() {
  for (const bool set_aside : {false, true}) {
    TextTable table;
    bool any = false;
    for (const ImportCount& one : report_.import) {
      if (one.count == 0 || one.set_aside != set_aside) continue;
      any = true;
      table.add_row({"", with_separators(one.count), one.text, one.first});
    }
    if (!any) continue;
    out_.line("\n  {}", set_aside ? "set aside, not replayed" : "read from the captures");
    out_.add(table.render(2));
    for (const ImportCount& count : report_.import) {
      if (count.set_aside != set_aside) continue;
      for (const std::string& detail : count.details) out_.line("    {}", detail);
    }
  }
}

}  // namespace

std::string render_text(const Report& report, const TextStyle& style) {
  return TextReport(report, style).render();
}

}  // namespace kubeproof
