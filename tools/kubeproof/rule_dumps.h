// Rules of real nodes, as iptables-save and ip6tables-save print them, on the command line.
#pragma once

#include <string>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/result.h"
#include "replay/engine/engine.h"

namespace CLI {
class App;
}

namespace kubeproof {

// One ruleset for each family that stands in the files.
Result<std::vector<netfilter::Ruleset>> read_rule_dumps(const std::vector<std::string>& files);

// The option --rules: the node's own rules in place of those that kube-proxy would install.
class RuleDumpOption {
 public:
  void add_to(CLI::App& command);

  // Puts the rules into the configuration, where any are named.
  Result<void> install(Configuration& configuration) const;

 private:
  std::vector<std::string> files_;
};

}  // namespace kubeproof
