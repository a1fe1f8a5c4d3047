// The words of one "-A CHAIN ..." line by what they belong to: the rule's head (addresses,
// interfaces, protocol), its matches, its target. Options are not understood here: what a module
// makes of them is said by read_match.h and read_target.h. The order is free, as for
// iptables-restore, so that the text that kube-proxy itself writes is read too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/netfilter/save_text/line_words.h"
#include "model/result.h"

namespace kubeproof::netfilter {

struct RuleOption {
  std::string_view name;  // with its dashes
  bool negated = false;
  std::vector<std::string_view> values;
};

// A match or a target with its options.
struct RuleExtension {
  std::string_view name;
  bool implied = false;  // by the protocol: `-p tcp --dport 80` has no `-m tcp`
  bool is_goto = false;  // -g, of a target
  std::vector<RuleOption> options;
  std::string text;  // its words as they stand in the line
};

struct RuleWords {
  std::string_view chain;
  std::vector<RuleOption> head;  // by their short names: -s, -d, -i, -o, -p, -f
  std::vector<RuleExtension> matches;
  std::optional<RuleExtension> target;
};

// The words must outlive what is returned.
Result<RuleWords> split_rule(const std::vector<LineWord>& words);

}  // namespace kubeproof::netfilter
