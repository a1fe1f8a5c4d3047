#include "model/proxier/compare/compare_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "model/netfilter/rules_text.h"
#include "model/proxier/compare/chain_kinds.h"
#include "model/proxier/compare/rule_arguments.h"
#include "model/proxier/compare/rule_pairs.h"
#include "model/proxier/compare/service_index.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Chain;
using netfilter::JumpTarget;
using netfilter::Policy;
using netfilter::Rule;
using netfilter::Ruleset;
using netfilter::Table;
using Kind = RuleDifference::Kind;

// The kubelet writes there too, and puts its jumps where it likes.
constexpr std::string_view kShared = "KUBE-FIREWALL";

std::string_view jump_of(const Rule& rule) {
  const auto* jump = std::get_if<JumpTarget>(&rule.target);
  return jump == nullptr ? std::string_view() : jump->chain;
}

std::unordered_map<std::string_view, const Chain*> by_name(const Table& table) {
  std::unordered_map<std::string_view, const Chain*> chains;
  for (const Chain& chain : table.chains) chains.emplace(chain.name, &chain);
  return chains;
}

// Those of a built-in chain that lead into kube-proxy's.
std::vector<Rule> jumps_to_proxy(const Chain& chain) {
  std::vector<Rule> jumps;
  for (const Rule& rule : chain.rules) {
    if (is_proxy_chain(jump_of(rule))) jumps.push_back(rule);
  }
  return jumps;
}

class TableComparison {
 public:
  TableComparison(const Table& expected, const Table& found, RuleComparison& result)
      : expected_(expected), found_(found), result_(result) {
    services_.add(expected);
    services_.add(found);
    for (const Chain& chain : found.chains) {
      for (const Rule& rule : chain.rules) reached_.insert(jump_of(rule));
    }
  }

  void compare() {
    const auto found = by_name(found_);
    for (const Chain& chain : expected_.chains) {
      result_.expected_rules += chain.rules.size();
      const auto same = found.find(chain.name);
      if (same != found.end()) {
        compare_chain(chain, *same->second);
      } else if (chain.policy) {
        compare_chain(chain, Chain{chain.name, chain.policy, {}});
      } else {
        add_chain(Kind::kMissingChain, chain);
      }
    }
    const auto expected = by_name(expected_);
    for (const Chain& chain : found_.chains) {
      if (!expected.contains(chain.name)) judge_other(chain);
    }
  }

 private:
  void compare_chain(const Chain& expected, const Chain& found) {
    if (expected.policy) {
      const auto jumps = jumps_to_proxy(found);
      result_.foreign_rules += found.rules.size() - jumps.size();
      if (found.policy == Policy::kDrop) {
        result_.drop_policies.push_back(place(found.name));
      }
      compare_rules_of(expected.name, expected.rules, jumps);
    } else {
      compare_rules_of(expected.name, expected.rules, found.rules);
    }
  }

  void compare_rules_of(const std::string& chain, const std::vector<Rule>& expected,
                        const std::vector<Rule>& found) {
    if (expected == found) return;
    const RulePairs pairs = pair_rules(expected, found, result_.family, is_dispatch_chain(chain));
    for (const size_t i : pairs.only_expected) add(Kind::kMissing, chain, &expected[i], nullptr);
    for (const auto& [here, there] : pairs.similar) {
      add(Kind::kDiffers, chain, &expected[here], &found[there]);
    }
    for (const size_t i : pairs.only_found) {
      if (chain == kShared) {
        ++result_.foreign_rules;
      } else {
        add(Kind::kUnexpected, chain, nullptr, &found[i]);
      }
    }
    if (!in_order(chain, pairs, found)) add_order(chain, expected, found, pairs);
  }

  // Whether the rules that are in both come in an order that kube-proxy could have given them.
  static bool in_order(const std::string& chain, const RulePairs& pairs,
                       const std::vector<Rule>& found) {
    size_t before = 0;
    if (is_dispatch_chain(chain)) {
      // Only the way into KUBE-NODEPORTS has its place: behind all others.
      bool ended = false;
      for (const Rule& rule : found) {
        const bool last = jump_of(rule) == "KUBE-NODEPORTS";
        if (ended && !last) return false;
        ended = ended || last;
      }
      return true;
    }
    for (const auto& [here, there] : pairs.equal) {
      if (jump_of(found[there]) == kShared) continue;
      if (there < before) return false;
      before = there;
    }
    return true;
  }

  void add_order(const std::string& chain, const std::vector<Rule>& expected,
                 const std::vector<Rule>& found, const RulePairs& pairs) {
    RuleDifference& difference = add_difference(Kind::kOrder, chain);
    if (is_dispatch_chain(chain)) {
      for (const Rule& rule : expected) {
        if (jump_of(rule) == "KUBE-NODEPORTS") difference.expected.push_back(text(chain, rule));
      }
      return;
    }
    std::vector<size_t> positions;
    for (const auto& [here, there] : pairs.equal) {
      difference.expected.push_back(text(chain, expected[here]));
      positions.push_back(there);
    }
    std::sort(positions.begin(), positions.end());
    for (const size_t there : positions) difference.found.push_back(text(chain, found[there]));
  }

  // A chain that kube-proxy would not have.
  void judge_other(const Chain& chain) {
    if (!is_proxy_chain(chain.name)) {
      if (!chain.policy) {
        result_.foreign_chains.push_back(place(chain.name));
      } else {
        result_.foreign_rules += chain.rules.size();
      }
    } else if (!reached_.contains(chain.name)) {
      result_.stale_chains.push_back(place(chain.name));
    } else {
      add_chain(Kind::kUnexpectedChain, chain);
    }
  }

  void add_chain(Kind kind, const Chain& chain) {
    RuleDifference& difference = add_difference(kind, chain.name);
    for (const Rule& rule : chain.rules) {
      (kind == Kind::kMissingChain ? difference.expected : difference.found)
          .push_back(text(chain.name, rule));
    }
  }

  void add(Kind kind, const std::string& chain, const Rule* expected, const Rule* found) {
    RuleDifference& difference = add_difference(kind, chain);
    difference.service = services_.service_of(chain, expected != nullptr ? *expected : *found);
    if (expected != nullptr) difference.expected = {text(chain, *expected)};
    if (found != nullptr) difference.found = {text(chain, *found)};
    if (expected != nullptr && found != nullptr) {
      difference.arguments = differing_arguments(*expected, *found, result_.family);
    }
  }

  RuleDifference& add_difference(Kind kind, const std::string& chain) {
    RuleDifference& difference = result_.differences.emplace_back();
    difference.kind = kind;
    difference.table = expected_.name;
    difference.chain = chain;
    difference.service = services_.service_of(chain);
    return difference;
  }

  std::string place(std::string_view chain) const {
    return fmt::format("{} {}", to_string(expected_.name), chain);
  }
  std::string text(std::string_view chain, const Rule& rule) const {
    return to_text(chain, rule, result_.family);
  }

  const Table& expected_;
  const Table& found_;
  RuleComparison& result_;
  ServiceIndex services_;
  std::unordered_set<std::string_view> reached_;
};

bool has_counter(const Rule& rule) {
  return std::any_of(rule.matches.begin(), rule.matches.end(), [](const auto& match) {
    return std::holds_alternative<netfilter::AccountingMatch>(match);
  });
}

}  // namespace

std::string_view to_string(Kind kind) {
  switch (kind) {
    case Kind::kMissing:
      return "missing";
    case Kind::kUnexpected:
      return "unexpected";
    case Kind::kDiffers:
      return "differs";
    case Kind::kOrder:
      return "order";
    case Kind::kMissingChain:
      return "missing chain";
    case Kind::kUnexpectedChain:
      break;
  }
  return "unexpected chain";
}

RuleOptions options_of(const Ruleset& found) {
  RuleOptions options;
  for (const Table& table : found.tables) {
    for (const Chain& chain : table.chains) {
      if (chain.name == "KUBE-FORWARD" || chain.name == "KUBE-NODEPORTS") {
        options.account =
            options.account || std::any_of(chain.rules.begin(), chain.rules.end(), has_counter);
      }
      if (chain.name != "KUBE-POSTROUTING") continue;
      for (const Rule& rule : chain.rules) {
        const auto* masquerade = std::get_if<netfilter::MasqueradeTarget>(&rule.target);
        if (masquerade != nullptr) options.random_fully = masquerade->random_fully;
      }
    }
  }
  return options;
}

RuleComparison compare_rules(const Ruleset& expected, const Ruleset& found) {
  RuleComparison result;
  result.family = expected.family;
  const RuleOptions options = options_of(found);
  result.with_counters = options.account;
  result.without_random_fully = !options.random_fully;
  for (const Table& table : expected.tables) {
    const Table* same = found.find(table.name);
    if (same == nullptr) result.missing_tables.emplace_back(netfilter::to_string(table.name));
    // A canary alone is not missed where only the other tables were saved.
    if (same == nullptr && table.name == netfilter::TableName::kMangle) continue;
    const Table empty{table.name, {}};
    TableComparison(table, same == nullptr ? empty : *same, result).compare();
  }
  for (const Table& table : found.tables) {
    if (expected.find(table.name) != nullptr) continue;
    for (const Chain& chain : table.chains) {
      result.foreign_rules += chain.rules.size();
      if (chain.policy) continue;
      result.foreign_chains.push_back(
          fmt::format("{} {}", netfilter::to_string(table.name), chain.name));
    }
  }
  std::stable_sort(result.differences.begin(), result.differences.end(),
                   [](const auto& a, const auto& b) { return a.service < b.service; });
  return result;
}

}  // namespace kubeproof::proxier
