// kubeproof rules: the rules that kube-proxy would install, as text that iptables-restore takes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "model/netfilter/rules_text.h"
#include "model/proxier/make_rules.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/snapshot_options.h"

namespace kubeproof {
namespace {

struct RulesOptions {
  SnapshotOptions snapshot;
  std::string family = "ipv4";
};

int run_rules(const RulesOptions& options) {
  const auto snapshot = options.snapshot.read();
  if (!snapshot) return fail(snapshot.error());
  const auto configuration = configure(*snapshot, {});
  if (!configuration) return fail(configuration.error());
  const Family family = options.family == "ipv4" ? Family::kIpv4 : Family::kIpv6;
  const auto rules =
      make_rules(family, configuration->world, configuration->cluster, configuration->proxy);
  if (!rules) return fail(rules.error());
  fmt::print("{}", netfilter::to_text(*rules));
  return 0;
}

}  // namespace

void add_rules_command(CLI::App& program, int& status) {
  auto options = std::make_shared<RulesOptions>();
  CLI::App* command = program.add_subcommand(
      "rules", "Print the rules that kube-proxy would install, as iptables-save does");
  options->snapshot.add_to(*command);
  command->add_option("--family", options->family, "Which of the two rulesets")
      ->check(CLI::IsMember({"ipv4", "ipv6"}))
      ->capture_default_str();
  command->footer("Loads with: kubeproof rules … | iptables-restore (ip6tables-restore)");
  command->callback([options, &status] { status = run_rules(*options); });
}

}  // namespace kubeproof
