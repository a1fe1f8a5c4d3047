#include "model/proxier/compare/compare_rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "model/netfilter/save_text/parse_save_text.h"
#include "model/proxier/names.h"
#include "tests/unit/proxier/every_feature.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Rule;
using netfilter::Ruleset;
using netfilter::SaveText;
using netfilter::Table;
using netfilter::TableName;
using Kind = RuleDifference::Kind;

class CompareRules : public testing::Test {
 protected:
  CompareRules() { expected_ = made(); }

  static Ruleset made(const RuleOptions& options = {}) {
    return *make_rules(Family::kIpv4, world(), EveryFeature().cluster(), cluster_cidr_config(),
                       options);
  }
  // The rules as a node would save them, with `from` replaced by `to` where it occurs first.
  RuleComparison edited(const std::string& from, const std::string& to) const {
    std::string text = to_text(expected_);
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return compare(text);
  }
  RuleComparison compare(const std::string& text) const {
    const SaveText dump{"dump", text};
    const auto found = netfilter::parse_save_texts({&dump, 1});
    EXPECT_TRUE(found) << found.error().message;
    if (!found) return {};
    return compare_rules(expected_, found->at(0));
  }
  // The line that holds `part`, with its end.
  std::string line_with(const std::string& part) const {
    const std::string text = to_text(expected_);
    const size_t at = text.find(part);
    EXPECT_NE(at, std::string::npos) << part;
    const size_t begin = text.rfind('\n', at) + 1;
    return text.substr(begin, text.find('\n', at) + 1 - begin);
  }

  Ruleset expected_;
};

// The chain that kube-proxy gives a service port's cluster policy.
const std::string kStickyChain = ServicePortChains({{"every", "sticky"}, "http", kTcp}).cluster;
const std::string kSticky = "every/sticky:http";

TEST_F(CompareRules, FindsNothingBetweenRulesAndTheirOwnText) {
  const RuleComparison result = compare(to_text(expected_));
  EXPECT_TRUE(result.same());
  EXPECT_GT(result.expected_rules, 100U);
  EXPECT_EQ(result.foreign_rules, 0U);
  EXPECT_TRUE(result.foreign_chains.empty());
}

TEST_F(CompareRules, IsBlindToCountersQuotingAndTheOrderOfServicesAndChains) {
  Ruleset shuffled = expected_;
  for (Table& table : shuffled.tables) {
    std::reverse(table.chains.begin(), table.chains.end());
    if (table.name != TableName::kNat) continue;
    std::vector<Rule>& rules = table.find("KUBE-SERVICES")->rules;
    std::reverse(rules.begin(), rules.end() - 1);
  }
  std::string text = to_text(shuffled);
  for (size_t at = 0; (at = text.find("[0:0]", at)) != std::string::npos;) {
    text.replace(at, 5, "[7:420]");
  }
  for (size_t at = 0; (at = text.find("\n-A ", at)) != std::string::npos; at += 8) {
    text.insert(at + 1, "[1:60] ");
  }
  const std::string quoted = "--comment \"every/sticky:http\"";
  for (size_t at = 0; (at = text.find(quoted, at)) != std::string::npos;) {
    text.replace(at, quoted.size(), "--comment every/sticky:http");
  }
  EXPECT_TRUE(compare(text).same());
}

TEST_F(CompareRules, SetsForeignRulesAndChainsAside) {
  std::string text = to_text(expected_);
  const auto insert = [&](const std::string& before, const std::string& line) {
    text.insert(text.find(before), line + "\n");
  };
  insert("-A FORWARD", "-A FORWARD -j DOCKER-USER");
  insert("-A FORWARD", "-A FORWARD -m set --match-set cali40 src -j ACCEPT");
  insert(":KUBE-EXTERNAL-SERVICES", ":DOCKER-USER - [0:0]\n:KUBE-KUBELET-CANARY - [0:0]");
  insert("-A KUBE-FIREWALL", "-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP");
  text.replace(text.find(":FORWARD ACCEPT", text.find("*filter")), 15, ":FORWARD DROP");
  text += "*raw\n:PREROUTING ACCEPT [0:0]\n:CT - [0:0]\n-A CT -j NOTRACK\nCOMMIT\n";
  const RuleComparison result = compare(text);
  EXPECT_TRUE(result.same());
  EXPECT_EQ(result.foreign_rules, 4U);
  EXPECT_EQ(
      result.foreign_chains,
      (std::vector<std::string>{"filter DOCKER-USER", "filter KUBE-KUBELET-CANARY", "raw CT"}));
  EXPECT_EQ(result.drop_policies, std::vector<std::string>{"filter FORWARD"});
}

TEST_F(CompareRules, NamesAMissingRuleByItsService) {
  const std::string line =
      line_with("\"every/sticky:http cluster IP\" -m tcp --dport 80 -j KUBE-SVC");
  const RuleComparison result = edited(line, "");
  ASSERT_EQ(result.differences.size(), 1U);
  const RuleDifference& difference = result.differences[0];
  EXPECT_EQ(difference.kind, Kind::kMissing);
  EXPECT_EQ(difference.service, kSticky);
  EXPECT_EQ(difference.table, TableName::kNat);
  EXPECT_EQ(difference.chain, "KUBE-SERVICES");
  EXPECT_EQ(difference.expected, std::vector<std::string>{line.substr(0, line.size() - 1)});
  EXPECT_TRUE(difference.found.empty());
}

TEST_F(CompareRules, NamesAnUnexpectedRuleByItsService) {
  const std::string line =
      "-A KUBE-SERVICES -d 10.96.9.9/32 -p tcp -m comment --comment \"old/gone:http cluster IP\" "
      "-m tcp --dport 80 -j KUBE-SVC-GONE";
  std::string text = to_text(expected_);
  const size_t nat = text.find("*nat");
  text.insert(text.find("-A KUBE-SERVICES", nat), line + "\n");
  text.insert(text.find(":KUBE-MARK-MASQ", nat),
              ":KUBE-SVC-GONE - [0:0]\n:KUBE-SEP-LEFT - [0:0]\n");
  const RuleComparison result = compare(text);
  ASSERT_EQ(result.differences.size(), 2U);
  EXPECT_EQ(result.differences[0].kind, Kind::kUnexpected);
  EXPECT_EQ(result.differences[0].service, "old/gone:http");
  EXPECT_EQ(result.differences[0].found, std::vector<std::string>{line});
  EXPECT_EQ(result.differences[1].kind, Kind::kUnexpectedChain);
  EXPECT_EQ(result.differences[1].service, "old/gone:http");
  EXPECT_EQ(result.stale_chains, std::vector<std::string>{"nat KUBE-SEP-LEFT"});
}

struct Edit {
  const char* from;
  const char* to;
  std::vector<std::string> arguments;
  const char* service;
};

class DifferingRule : public CompareRules, public testing::WithParamInterface<Edit> {};

TEST_P(DifferingRule, IsToldByArgument) {
  const Edit& edit = GetParam();
  const RuleComparison result = edited(edit.from, edit.to);
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].kind, Kind::kDiffers);
  EXPECT_EQ(result.differences[0].arguments, edit.arguments);
  EXPECT_EQ(result.differences[0].service, edit.service);
  EXPECT_EQ(result.differences[0].expected.size(), 1U);
  EXPECT_EQ(result.differences[0].found.size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Edits, DifferingRule,
    testing::Values(
        Edit{
            "--rcheck --seconds 600", "--rcheck --seconds 601", {"--seconds"}, "every/sticky:http"},
        Edit{"--probability 0.25000000000",
             "--probability 0.5",
             {"--probability"},
             "every/sticky:http"},
        Edit{"--to-destination 10.180.1.3:8080",
             "--to-destination 10.180.1.3:8081",
             {"--to-destination"},
             "every/sticky:http"},
        Edit{"--ctstate INVALID", "--ctstate NEW", {"--ctstate"}, ""},
        Edit{"-m mark ! --mark 0x4000/0x4000", "-m mark --mark 0x4000/0x4000", {"--mark"}, ""},
        Edit{"-s 203.0.113.0/24 -m comment --comment \"every/source-ranges:http",
             "-s 203.0.112.0/24 -m comment --comment \"every/source-ranges:http",
             {"-s"},
             "every/source-ranges:http"},
        Edit{"-m tcp --dport 30006 -j REJECT --reject-with icmp-port-unreachable",
             "-m tcp --dport 30006 -j DROP",
             {"-j", "--reject-with"},
             "every/nobody:http"},
        Edit{"-m comment --comment \"every/plain:dns cluster IP\" -m udp --dport 53 -j KUBE-SVC",
             "-m comment --comment \"every/plain:dns cluster IP\" -m udp --dport 5353 -j KUBE-SVC",
             {"--dport"},
             "every/plain:dns"}));

TEST_F(CompareRules, TellsAChainThatIsMissingAsOne) {
  Ruleset found = expected_;
  for (Table& table : found.tables) {
    std::erase_if(table.chains, [](const auto& chain) { return chain.name == kStickyChain; });
  }
  const RuleComparison result = compare_rules(expected_, found);
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].kind, Kind::kMissingChain);
  EXPECT_EQ(result.differences[0].service, kSticky);
  EXPECT_EQ(result.differences[0].expected.size(), 9U);
}

TEST_F(CompareRules, HoldsTheRulesOfAChainToTheirOrder) {
  Ruleset found = expected_;
  for (Table& table : found.tables) {
    if (auto* chain = table.find(kStickyChain)) std::swap(chain->rules[1], chain->rules[2]);
  }
  const RuleComparison result = compare_rules(expected_, found);
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].kind, Kind::kOrder);
  EXPECT_EQ(result.differences[0].service, kSticky);
  EXPECT_EQ(result.differences[0].found[1], result.differences[0].expected[2]);
}

TEST_F(CompareRules, WantsTheWayToNodePortsLast) {
  Ruleset found = expected_;
  for (Table& table : found.tables) {
    if (table.name != TableName::kNat) continue;
    std::vector<Rule>& rules = table.find("KUBE-SERVICES")->rules;
    std::rotate(rules.begin(), rules.end() - 1, rules.end());
  }
  const RuleComparison result = compare_rules(expected_, found);
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].kind, Kind::kOrder);
  EXPECT_EQ(result.differences[0].chain, "KUBE-SERVICES");
}

TEST_F(CompareRules, LeavesThePlaceOfTheKubeletsJumpsOpen) {
  EXPECT_TRUE(compare(to_text(made({.kubelet_first = false}))).same());
}

TEST_F(CompareRules, FindsAMissingJump) {
  const std::string line =
      "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" "
      "-j KUBE-FORWARD\n";
  const RuleComparison result = edited(line, "");
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].kind, Kind::kMissing);
  EXPECT_EQ(result.differences[0].chain, "FORWARD");
}

TEST_F(CompareRules, SaysWhichTablesWereNotSaved) {
  std::string text = to_text(expected_);
  text = text.substr(text.find("*filter"), text.find("*nat") - text.find("*filter"));
  const RuleComparison result = compare(text);
  EXPECT_EQ(result.missing_tables, (std::vector<std::string>{"mangle", "nat"}));
  EXPECT_FALSE(result.same());
}

TEST_F(CompareRules, MakesRulesAsTheNodesToolsHaveThem) {
  const RuleOptions old = options_of(made({.account = true, .random_fully = false}));
  EXPECT_TRUE(old.account);
  EXPECT_FALSE(old.random_fully);
  EXPECT_FALSE(options_of(expected_).account);
  EXPECT_TRUE(options_of(expected_).random_fully);
}

// A ten-thousandth of a second for each rule would be far too much.
TEST_F(CompareRules, TakesTimeInProportionToTheRules) {
  Cluster large = cluster({}, {});
  for (int i = 0; i < 5000; ++i) {
    Service each = service("ns", "svc" + std::to_string(i),
                           "10.96." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1));
    large.services[each.key] = each;
    const EndpointSlice its = slice(each, {endpoint("10.180.0.2"), endpoint("10.180.0.3")});
    large.endpoint_slices[its.key] = its;
  }
  const std::clock_t begun = std::clock();
  const auto rules = make_rules(Family::kIpv4, world(), large, cluster_cidr_config());
  ASSERT_TRUE(rules);
  const SaveText dump{"dump", to_text(*rules)};
  const auto found = netfilter::parse_save_texts({&dump, 1});
  ASSERT_TRUE(found);
  const RuleComparison result = compare_rules(*rules, found->at(0));
  EXPECT_TRUE(result.same());
  const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 1e-4 * static_cast<double>(result.expected_rules));
}

}  // namespace
}  // namespace kubeproof::proxier
