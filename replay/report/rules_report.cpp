#include "replay/report/rules_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "replay/report/text_table.h"

namespace kubeproof {
namespace {

using Json = nlohmann::ordered_json;
using proxier::RuleComparison;
using proxier::RuleDifference;

// Of a snapshot that is not the node's, nearly everything differs.
constexpr size_t kDifferencesShown = 200;

class RulesText {
 public:
  RulesText(const RulesReport& report, bool color) : report_(report), color_(color) {}

  std::string render() && {
    text_ = fmt::format("{} {} on node {}\n", paint("1", "kubeproof rules:"),
                        fmt::join(report_.inputs, ", "), report_.node);
    if (verdict_of(report_) == RunVerdict::kEquivalent) {
      text_ += paint("32", "the same") + ": these are the rules that kube-proxy would install\n\n";
    } else {
      text_ += paint("31", "they DIFFER") + " from the rules that kube-proxy would install\n\n";
    }
    counts();
    for (const RuleComparison& comparison : report_.comparisons) set_aside(comparison);
    for (const RuleComparison& comparison : report_.comparisons) differences(comparison);
    if (hidden_ > 0) {
      text_ += fmt::format("\nand {} more; --format json shows all\n",
                           counted(hidden_, "difference", "differences"));
    }
    return std::move(text_);
  }

 private:
  std::string paint(std::string_view code, std::string_view text) const {
    return color_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
  }

  void counts() {
    using Kind = RuleDifference::Kind;
    TextTable table;
    const auto add = [&](std::string label, auto count) {
      std::vector<std::string> row = {std::move(label)};
      for (const RuleComparison& each : report_.comparisons) {
        row.push_back(with_separators(count(each)));
      }
      table.add_row(std::move(row));
    };
    std::vector<std::string> head = {""};
    for (const RuleComparison& each : report_.comparisons)
      head.emplace_back(to_string(each.family));
    table.add_row(std::move(head));
    add("kube-proxy's rules", [](const RuleComparison& each) { return each.expected_rules; });
    for (const Kind kind : {Kind::kMissing, Kind::kUnexpected, Kind::kDiffers, Kind::kOrder,
                            Kind::kMissingChain, Kind::kUnexpectedChain}) {
      add(std::string(proxier::to_string(kind)), [kind](const RuleComparison& each) {
        return static_cast<uint64_t>(
            std::count_if(each.differences.begin(), each.differences.end(),
                          [kind](const auto& difference) { return difference.kind == kind; }));
      });
    }
    add("rules of others", [](const RuleComparison& each) { return each.foreign_rules; });
    add("chains of others", [](const RuleComparison& each) { return each.foreign_chains.size(); });
    text_ += table.render(2);
  }

  void set_aside(const RuleComparison& comparison) {
    const auto family = to_string(comparison.family);
    const auto note = [&](const std::vector<std::string>& what, std::string_view says) {
      if (what.empty()) return;
      text_ += fmt::format("  {}: {}: {}\n", family, says, fmt::join(what, ", "));
    };
    note(comparison.missing_tables, "not in the text at all");
    note(comparison.stale_chains, "left over, nothing leads there");
    note(comparison.drop_policies, "dropping by policy, which is not kube-proxy's doing");
    if (comparison.with_counters) {
      text_ += fmt::format("  {}: with nfacct counters, as the node has them\n", family);
    }
    if (comparison.without_random_fully) {
      text_ += fmt::format("  {}: without --random-fully, as the node's tools are old\n", family);
    }
  }

  void differences(const RuleComparison& comparison) {
    const std::string* service = nullptr;
    for (const RuleDifference& difference : comparison.differences) {
      if (shown_ == kDifferencesShown) {
        ++hidden_;
        continue;
      }
      ++shown_;
      if (service == nullptr || *service != difference.service) {
        text_ += fmt::format("\n{} ({})\n",
                             difference.service.empty() ? "rules that no service has"
                                                        : paint("1", difference.service),
                             to_string(comparison.family));
        service = &difference.service;
      }
      show(difference);
    }
  }

  void show(const RuleDifference& difference) {
    using Kind = RuleDifference::Kind;
    text_ += fmt::format("  {}, {} {}", proxier::to_string(difference.kind),
                         netfilter::to_string(difference.table), difference.chain);
    if (!difference.arguments.empty()) {
      text_ += fmt::format(": {}", fmt::join(difference.arguments, ", "));
    }
    text_ += '\n';
    if (difference.kind == Kind::kOrder && difference.found.empty()) {
      lines("has to be last", difference.expected);
      return;
    }
    lines("expected", difference.expected);
    lines("found", difference.found);
  }

  void lines(std::string_view label, const std::vector<std::string>& rules) {
    for (const std::string& rule : rules) text_ += fmt::format("    {:<8}  {}\n", label, rule);
  }

  const RulesReport& report_;
  bool color_;
  std::string text_;
  size_t shown_ = 0;
  size_t hidden_ = 0;
};

Json to_json(const RuleDifference& difference) {
  return {{"kind", proxier::to_string(difference.kind)},
          {"service", difference.service},
          {"table", netfilter::to_string(difference.table)},
          {"chain", difference.chain},
          {"arguments", difference.arguments},
          {"expected", difference.expected},
          {"found", difference.found}};
}

Json to_json(const RuleComparison& comparison) {
  Json differences = Json::array();
  for (const RuleDifference& difference : comparison.differences) {
    differences.push_back(to_json(difference));
  }
  return {{"family", to_string(comparison.family)},
          {"same", comparison.same()},
          {"rules", comparison.expected_rules},
          {"differences", std::move(differences)},
          {"nfacct_counters", comparison.with_counters},
          {"random_fully", !comparison.without_random_fully},
          {"missing_tables", comparison.missing_tables},
          {"stale_chains", comparison.stale_chains},
          {"drop_policies", comparison.drop_policies},
          {"foreign_chains", comparison.foreign_chains},
          {"foreign_rules", comparison.foreign_rules}};
}

}  // namespace

RunVerdict verdict_of(const RulesReport& report) {
  const bool same = std::all_of(report.comparisons.begin(), report.comparisons.end(),
                                [](const RuleComparison& each) { return each.same(); });
  return same ? RunVerdict::kEquivalent : RunVerdict::kDivergent;
}

std::string render_rules_text(const RulesReport& report, bool color) {
  return RulesText(report, color).render();
}

std::string render_rules_json(const RulesReport& report) {
  const RunVerdict verdict = verdict_of(report);
  Json families = Json::array();
  for (const RuleComparison& each : report.comparisons) families.push_back(to_json(each));
  const Json json = {{"kubeproof", "v1"},
                     {"command", "rules"},
                     {"verdict", to_string(verdict)},
                     {"exit_status", exit_status(verdict)},
                     {"node", report.node},
                     {"inputs", report.inputs},
                     {"families", std::move(families)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kubeproof
