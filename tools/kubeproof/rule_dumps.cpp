#include "tools/kubeproof/rule_dumps.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "model/cluster/input_file.h"
#include "model/netfilter/save_text/parse_save_text.h"

namespace kubeproof {

Result<std::vector<netfilter::Ruleset>> read_rule_dumps(const std::vector<std::string>& files) {
  std::vector<netfilter::SaveText> texts;
  for (const std::string& file : files) {
    auto input = read_input_file(file, "the text of iptables-save");
    if (!input) return tl::unexpected(input.error());
    texts.push_back({std::move(input->name), std::move(input->text)});
  }
  return netfilter::parse_save_texts(texts);
}

void RuleDumpOption::add_to(CLI::App& command) {
  command
      .add_option("--rules", files_,
                  "The node's own rules, as iptables-save and ip6tables-save print them, in place "
                  "of those that kube-proxy would install; a family that is in no file keeps "
                  "kube-proxy's")
      ->type_name("DUMP")
      ->group("Cluster and node");
}

Result<void> RuleDumpOption::install(Configuration& configuration) const {
  if (files_.empty()) return {};
  auto dumps = read_rule_dumps(files_);
  if (!dumps) return tl::unexpected(dumps.error());
  for (netfilter::Ruleset& rules : *dumps) {
    const Family family = rules.family;
    configuration.rules[family] = std::make_shared<const netfilter::Ruleset>(std::move(rules));
  }
  return {};
}

}  // namespace kubeproof
