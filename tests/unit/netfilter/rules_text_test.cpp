#include "model/netfilter/rules_text.h"

#include <gtest/gtest.h>

#include "tests/unit/netfilter/every_rule.h"

namespace kubeproof::netfilter {
namespace {

std::string text_of(const std::vector<Match>& matches, Family family = Family::kIpv4) {
  Rule rule;
  rule.matches = matches;
  return to_text("C", rule, family);
}

TEST(RulesText, PutsTheHeadersFirst) {
  Rule rule;
  rule.source = {*Cidr::parse("10.0.0.0/8"), true};
  rule.destination = {*Cidr::parse("10.96.0.10"), false};
  rule.in_interface = {InterfacePattern{"cali", true}, false};
  rule.out_interface = {InterfacePattern{"eth0", false}, true};
  rule.protocol = {kTcp, false};
  rule.matches = {DestinationPortMatch{80}};
  rule.target = JumpTarget{"D"};
  EXPECT_EQ(to_text("C", rule, Family::kIpv4),
            "-A C ! -s 10.0.0.0/8 -d 10.96.0.10/32 -i cali+ ! -o eth0 -p tcp -m tcp --dport 80 "
            "-j D");
}

TEST(RulesText, LeavesOutAPrefixThatMatchesEverything) {
  Rule rule;
  rule.source = {*Cidr::parse("0.0.0.0/0"), false};
  EXPECT_EQ(to_text("C", rule, Family::kIpv4), "-A C");
}

TEST(RulesText, QuotesCommentsAsTheToolsDo) {
  EXPECT_EQ(text_of({CommentMatch{"a-b_1"}}), "-A C -m comment --comment a-b_1");
  EXPECT_EQ(text_of({CommentMatch{"ns/svc"}}), "-A C -m comment --comment \"ns/svc\"");
  EXPECT_EQ(text_of({CommentMatch{R"(it's "\")"}}), R"(-A C -m comment --comment "it\'s \"\\\"")");
}

TEST(RulesText, PrintsProbabilitiesAsTheKernelHoldsThem) {
  EXPECT_EQ(text_of({StatisticMatch{0x2aaaaaab}}),
            "-A C -m statistic --mode random --probability 0.33333333349");
  EXPECT_EQ(text_of({StatisticMatch{0x0147ae14}}),
            "-A C -m statistic --mode random --probability 0.00999999978");
}

TEST(RulesText, NamesTheMaskOfAListByFamily) {
  const RecentMatch set{"L", RecentMatch::Mode::kSet, 0, false};
  EXPECT_EQ(text_of({set}), "-A C -m recent --set --name L --mask 255.255.255.255 --rsource");
  EXPECT_EQ(text_of({set}, Family::kIpv6),
            "-A C -m recent --set --name L "
            "--mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource");
}

TEST(RulesText, KeepsWhatItDoesNotKnow) {
  Rule rule;
  rule.matches = {UnknownMatch{"-m limit --limit 5/min"}};
  rule.target = UnknownTarget{"-g OTHER"};
  EXPECT_EQ(to_text("C", rule, Family::kIpv4), "-A C -m limit --limit 5/min -g OTHER");
}

TEST(RulesText, SortsUserChainsBehindBuiltinOnes) {
  Ruleset ruleset;
  ruleset.tables = {Table::with_builtin_chains(TableName::kFilter)};
  ruleset.tables[0].chain("Z");
  ruleset.tables[0].chain("A");
  ruleset.tables[0].find("OUTPUT")->policy = Policy::kDrop;
  EXPECT_EQ(to_text(ruleset),
            "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]\n"
            ":A - [0:0]\n:Z - [0:0]\nCOMMIT\n");
}

}  // namespace
}  // namespace kubeproof::netfilter
