// kubeproof rules: the rules that kube-proxy would install, as text that iptables-restore takes; or
// how a real node's rules differ from them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/netfilter/rules_text.h"
#include "model/proxier/compare/compare_rules.h"
#include "model/proxier/make_rules.h"
#include "replay/report/printable.h"
#include "replay/report/rules_report.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/report_options.h"
#include "tools/kubeproof/rule_dumps.h"
#include "tools/kubeproof/snapshot_options.h"

namespace kubeproof {
namespace {

struct RulesOptions {
  SnapshotOptions snapshot;
  std::optional<std::string> family;
  std::vector<std::string> dumps;
  std::string format = "text";
};

std::optional<Family> family_of(const RulesOptions& options) {
  if (!options.family) return std::nullopt;
  return *options.family == "ipv4" ? Family::kIpv4 : Family::kIpv6;
}

Result<netfilter::Ruleset> rules_for(const Configuration& of, Family family,
                                     const RuleOptions& as = {}) {
  return make_rules(family, of.world, of.cluster, of.proxy, as);
}

Result<RulesReport> compare(const RulesOptions& options, const Configuration& configuration) {
  const auto dumps = read_rule_dumps(options.dumps);
  if (!dumps) return tl::unexpected(dumps.error());
  RulesReport report;
  report.node = configuration.world.node_name;
  report.inputs = options.dumps;
  const auto wanted = family_of(options);
  for (const netfilter::Ruleset& found : *dumps) {
    if (wanted && found.family != *wanted) continue;
    const auto expected = rules_for(configuration, found.family, proxier::options_of(found));
    if (!expected) return tl::unexpected(expected.error());
    report.comparisons.push_back(proxier::compare_rules(*expected, found));
  }
  if (report.comparisons.empty()) {
    return bad_input("--compare: no rules of the family {} are in {}", *options.family,
                     fmt::join(options.dumps, ", "));
  }
  return report;
}

int run_rules(const RulesOptions& options) {
  const auto snapshot = options.snapshot.read();
  if (!snapshot) return fail(snapshot.error());
  const auto configuration = configure(*snapshot, {});
  if (!configuration) return fail(configuration.error());
  if (options.dumps.empty()) {
    const auto rules = rules_for(*configuration, family_of(options).value_or(Family::kIpv4));
    if (!rules) return fail(rules.error());
    tell_notes(*snapshot);
    fmt::print("{}", netfilter::to_text(*rules));
    return 0;
  }
  const auto report = compare(options, *configuration);
  if (!report) return fail(report.error());
  tell_notes(*snapshot);
  fmt::print("{}", options.format == "json"
                       ? render_rules_json(*report)
                       : printable(render_rules_text(*report, output_takes_color())));
  return exit_status(verdict_of(*report));
}

}  // namespace

void add_rules_command(CLI::App& program, int& status) {
  auto options = std::make_shared<RulesOptions>();
  CLI::App* command = program.add_subcommand(
      "rules",
      "Print the rules that kube-proxy would install, as iptables-save does; or tell how a node's "
      "differ");
  options->snapshot.add_to(*command);
  command
      ->add_option("--family", options->family,
                   "Which of the two rulesets (default: ipv4; with --compare, all that were saved)")
      ->check(CLI::IsMember({"ipv4", "ipv6"}));
  auto* compare = command
                      ->add_option("--compare", options->dumps,
                                   "The node's rules, as iptables-save and ip6tables-save print "
                                   "them, in one file or several")
                      ->type_name("DUMP");
  command->add_option("--format", options->format, "Of --compare: for people or for machines")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str()
      ->needs(compare);
  command->footer("Loads with: kubeproof rules … | iptables-restore (ip6tables-restore)");
  command->callback([options, &status] { status = run_rules(*options); });
}

}  // namespace kubeproof
