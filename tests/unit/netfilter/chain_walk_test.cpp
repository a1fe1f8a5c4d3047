#include "model/netfilter/chain_walk.h"

#include <gtest/gtest.h>

#include <memory>

#include "model/packet/packet_builder.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/small_node.h"

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

// Packets walk through filter FORWARD, unless the test says otherwise.
class ChainWalkTest : public testing::Test {
 protected:
  std::vector<Rule>& chain(const std::string& name, TableName table = TableName::kFilter) {
    return chain_of(ruleset_, table, name);
  }
  void forward(Rule rule) { chain("FORWARD").push_back(std::move(rule)); }

  std::span<WalkEnd> walk(const Bytes& packet) {
    packet_ = packet;
    view_ = parse_packet(packet_).value();
    rules_ = CompiledRules::compile(std::make_shared<Ruleset>(ruleset_), lists_).value();
    return walk_.run(
        {.rules = *rules_, .recent = recent_, .routes = routes_, .now = now_, .explain = true},
        TableName::kFilter, Hook::kForward,
        {.view = view_,
         .in = world_.find_interface(kPod1),
         .out = world_.find_interface(kUplink),
         .mark = mark_,
         .conntrack_states = states_,
         .changes = {}});
  }
  Verdict verdict(const Bytes& packet) {
    const auto ends = walk(packet);
    EXPECT_EQ(ends.size(), 1U);
    return ends[0].verdict;
  }
  // Whether a packet meets the rule.
  bool matches(RuleBuilder rule, const Bytes& packet) {
    chain("FORWARD").clear();
    forward(rule.drop());
    return verdict(packet) == Verdict::kDrop;
  }

  World world_ = small_node();
  RoutingTable routes_{world_};
  Ruleset ruleset_ = ruleset_with({TableName::kFilter});
  ListNames lists_;
  std::optional<CompiledRules> rules_;
  RecentLists recent_;
  ChainWalk walk_;
  Instant now_ = 1000s;
  uint32_t mark_ = 0;
  uint8_t states_ = kStateNew;
  Bytes packet_;
  PacketView view_;
};

const Bytes kWeb = PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().build();

TEST_F(ChainWalkTest, AnEmptyChainEndsInItsPolicy) {
  EXPECT_EQ(verdict(kWeb), Verdict::kAccept);
  ruleset_.tables[0].find("FORWARD")->policy = Policy::kDrop;
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
}

TEST_F(ChainWalkTest, SourceAndDestinationMatchByPrefix) {
  EXPECT_TRUE(matches(RuleBuilder().from("10.180.0.0/24"), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().from("10.181.0.0/24"), kWeb));
  EXPECT_TRUE(matches(RuleBuilder().to("10.96.0.10/32"), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().to("10.96.0.10/32", true), kWeb));
  EXPECT_TRUE(matches(RuleBuilder().to("10.96.0.11/32", true), kWeb));
  EXPECT_TRUE(matches(RuleBuilder().to("0.0.0.0/0"), kWeb));
}

TEST_F(ChainWalkTest, Ipv6PrefixesMatchBeyondTheFirstWord) {
  ruleset_.family = Family::kIpv6;
  const Bytes packet = PacketBuilder::tcp("[fd00::9]:4000", "[fd01::10:80]:80").syn().build();
  EXPECT_TRUE(matches(RuleBuilder().to("fd01::10:0/112"), packet));
  EXPECT_FALSE(matches(RuleBuilder().to("fd01::11:0/112"), packet));
}

TEST_F(ChainWalkTest, InterfacesMatchByNameOrPrefix) {
  EXPECT_TRUE(matches(RuleBuilder().in("pod1"), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().in("pod"), kWeb));
  EXPECT_TRUE(matches(RuleBuilder().in("pod", true), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().in("pod", true, true), kWeb));
  EXPECT_TRUE(matches(RuleBuilder().out("eth0"), kWeb));
}

TEST_F(ChainWalkTest, PortsMatchOfTheRulesProtocol) {
  EXPECT_TRUE(matches(RuleBuilder().protocol(kTcp).dport(80), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().protocol(kTcp).dport(81), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().protocol(kUdp).dport(80), kWeb));
}

TEST_F(ChainWalkTest, ACutTransportHeaderIsDroppedByTheFirstRuleThatAsksForAPort) {
  const Bytes cut = PacketBuilder::ip("10.180.0.9", "10.96.0.10", kTcp).payload("1234").build();
  chain("FORWARD") = {RuleBuilder().protocol(kTcp).dport(9999).accept()};
  EXPECT_EQ(verdict(cut), Verdict::kDrop);
  chain("FORWARD") = {RuleBuilder().to("10.0.0.1/32").protocol(kTcp).dport(9999).accept()};
  EXPECT_EQ(verdict(cut), Verdict::kAccept);
}

TEST_F(ChainWalkTest, MarksMatchUnderTheirMask) {
  mark_ = 0x4001;
  EXPECT_TRUE(matches(RuleBuilder().mark(0x4000, 0x4000), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().mark(0x4000, 0xffffffff), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().mark(0x4000, 0x4000, true), kWeb));
}

TEST_F(ChainWalkTest, StatesMatchAnyOfTheBits) {
  states_ = kStateEstablished | kStateDnat;
  EXPECT_TRUE(matches(RuleBuilder().states(kStateRelated | kStateDnat), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().states(kStateNew), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().states(kStateRelated | kStateDnat, true), kWeb));
}

TEST_F(ChainWalkTest, LocalAddressesAreThoseOfTheNode) {
  const RuleBuilder rule = RuleBuilder().match(LocalAddressMatch{false, false});
  EXPECT_FALSE(matches(rule, kWeb));
  EXPECT_TRUE(matches(rule, PacketBuilder::tcp("10.0.0.1:1", "192.168.0.2:80").build()));
  EXPECT_TRUE(matches(rule, PacketBuilder::tcp("10.0.0.1:1", "127.8.9.1:80").build()));
  EXPECT_FALSE(matches(rule, PacketBuilder::tcp("10.0.0.1:1", "192.168.0.255:80").build()));
}

TEST_F(ChainWalkTest, NothingComesByAPortOfABridgeWhereThereIsNone) {
  EXPECT_FALSE(matches(RuleBuilder().match(BridgePortMatch{false}), kWeb));
  EXPECT_TRUE(matches(RuleBuilder().match(BridgePortMatch{true}), kWeb));
}

TEST_F(ChainWalkTest, WhetherAPacketOfABridgeCameByAPortIsUnknown) {
  Interface port;
  port.master = world_.find_interface(kPod1)->name;
  world_.interfaces.push_back(port);
  for (const bool negated : {false, true}) {
    chain("FORWARD") = {RuleBuilder().match(BridgePortMatch{negated}).drop()};
    EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
  }
}

TEST_F(ChainWalkTest, MarksAreSetBitByBit) {
  mark_ = 0x1;
  forward(RuleBuilder().or_mark(0x4000));
  EXPECT_EQ(walk(kWeb)[0].mark, 0x4001U);
  forward(RuleBuilder().target(MarkTarget{0x4000, 0}));
  EXPECT_EQ(walk(kWeb)[0].mark, 0x1U) << "xor";
}

TEST_F(ChainWalkTest, AUserChainReturnsToItsCaller) {
  chain("USER") = {RuleBuilder().from("10.180.0.9/32").leave(), RuleBuilder().drop()};
  forward(RuleBuilder().jump("USER"));
  forward(RuleBuilder().reject());
  EXPECT_EQ(verdict(kWeb), Verdict::kReject);
  chain("USER").erase(chain("USER").begin());
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
}

// iptables(8) --goto: "return will not continue processing in this chain but instead in the chain
// that called us via --jump".
TEST_F(ChainWalkTest, AGotoReturnsToTheCallersCaller) {
  chain("B") = {RuleBuilder().leave()};
  chain("A") = {RuleBuilder().target(JumpTarget{"B", true}), RuleBuilder().drop()};
  forward(RuleBuilder().jump("A"));
  forward(RuleBuilder().reject());
  EXPECT_EQ(verdict(kWeb), Verdict::kReject);

  chain("FORWARD") = {RuleBuilder().target(JumpTarget{"B", true}), RuleBuilder().reject()};
  EXPECT_EQ(verdict(kWeb), Verdict::kAccept);
}

TEST_F(ChainWalkTest, ReturningFromABuiltInChainEndsInItsPolicy) {
  ruleset_.tables[0].find("FORWARD")->policy = Policy::kDrop;
  forward(RuleBuilder().leave());
  forward(RuleBuilder().accept());
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
}

TEST_F(ChainWalkTest, ARuleWithoutTargetOnlyCounts) {
  forward(RuleBuilder().target(NoTarget{}));
  forward(RuleBuilder().drop());
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
}

TEST_F(ChainWalkTest, EveryWayOutOfALotteryIsTakenWithItsProbability) {
  forward(RuleBuilder().chance(0.25).accept());
  forward(RuleBuilder().chance(0.5).drop());
  forward(RuleBuilder().reject());
  const auto ends = walk(kWeb);
  ASSERT_EQ(ends.size(), 3U);
  std::map<Verdict, double> odds;
  for (const WalkEnd& end : ends) odds[end.verdict] = end.probability;
  EXPECT_DOUBLE_EQ(odds[Verdict::kAccept], 0.25);
  EXPECT_DOUBLE_EQ(odds[Verdict::kDrop], 0.375);
  EXPECT_DOUBLE_EQ(odds[Verdict::kReject], 0.375);
}

TEST_F(ChainWalkTest, ALotteryInAUserChainGoesOnInItsCaller) {
  chain("USER") = {RuleBuilder().chance(0.5).drop()};
  forward(RuleBuilder().jump("USER"));
  forward(RuleBuilder().reject());
  const auto ends = walk(kWeb);
  ASSERT_EQ(ends.size(), 2U);
  EXPECT_EQ(ends[0].verdict, Verdict::kDrop);
  EXPECT_EQ(ends[1].verdict, Verdict::kReject);
}

const UnknownMatch kUnknown{"-m set --match-set s src"};

TEST_F(ChainWalkTest, WhatIsNotUnderstoodLeavesTheVerdictOpen) {
  forward(RuleBuilder().match(kUnknown).drop());
  EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
  EXPECT_EQ(walk(kWeb)[0].trace,
            std::vector<std::string>{"filter FORWARD #1  -m set --match-set s src -j DROP"});
  chain("FORWARD") = {RuleBuilder().target(UnknownTarget{"-j TCPMSS --clamp-mss-to-pmtu"})};
  EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
  chain("FORWARD") = {RuleBuilder().match(kUnknown).or_mark(1)};
  EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
  chain("FORWARD") = {RuleBuilder().match(kUnknown).set("A").target(NoTarget{})};
  EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
}

TEST_F(ChainWalkTest, ARuleThatFailsAnywayNeedsNotBeUnderstood) {
  chain("FORWARD") = {RuleBuilder().to("10.0.0.1/32").match(kUnknown).drop()};
  EXPECT_EQ(verdict(kWeb), Verdict::kAccept);
  chain("FORWARD") = {RuleBuilder().protocol(kTcp).match(kUnknown).dport(443).drop()};
  EXPECT_EQ(verdict(kWeb), Verdict::kAccept);
}

TEST_F(ChainWalkTest, AVerdictThatIsTheSameEitherWayIsKnown) {
  chain("FORWARD") = {RuleBuilder().match(kUnknown).drop(), RuleBuilder().drop()};
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
  chain("USER") = {RuleBuilder().match(kUnknown).leave()};
  chain("FORWARD") = {RuleBuilder().match(kUnknown).jump("USER"), RuleBuilder().reject()};
  EXPECT_EQ(verdict(kWeb), Verdict::kReject);
  EXPECT_EQ(walk(kWeb)[0].trace.size(), 1U) << "the rule that decided nothing is not in the trace";
}

TEST_F(ChainWalkTest, TargetsThatOnlyTellNeedNotBeUnderstood) {
  chain("FORWARD") = {
      RuleBuilder().match(kUnknown).target(UnknownTarget{"-j LOG --log-prefix \"-j \""}),
      RuleBuilder().drop()};
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
}

// Or the ways would double with each.
TEST_F(ChainWalkTest, ChanceIsNotAskedWhereNothingComesOfIt) {
  for (int i = 0; i < 40; ++i) {
    chain("FORWARD").push_back(RuleBuilder().chance(0.5).target(UnknownTarget{"-j LOG"}));
  }
  EXPECT_EQ(walk(kWeb).size(), 1U);
}

TEST_F(ChainWalkTest, AListIsUnknownThatOthersMayChange) {
  const UnknownMatch remove{"-m recent --remove --name L --mask 255.255.255.255 --rsource"};
  const RecentMatch set{.list = "L", .mode = RecentMatch::Mode::kSet};
  const RecentMatch asked{.list = "L", .mode = RecentMatch::Mode::kRecheck, .seconds = 60};
  chain("FORWARD") = {RuleBuilder().match(set).target(NoTarget{}),
                      RuleBuilder().match(asked).drop()};
  EXPECT_EQ(verdict(kWeb), Verdict::kDrop);
  chain("FORWARD") = {RuleBuilder().match(set).target(NoTarget{}),
                      RuleBuilder().match(remove).target(NoTarget{}),
                      RuleBuilder().match(asked).drop()};
  EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
}

TEST_F(ChainWalkTest, OnlyTheBranchesThatMeetWhatIsNotUnderstoodAreOpen) {
  chain("USER") = {RuleBuilder().match(kUnknown).reject()};
  chain("FORWARD") = {RuleBuilder().chance(0.25).drop(), RuleBuilder().chance(0.5).jump("USER")};
  double unknown = 0;
  double dropped = 0;
  double accepted = 0;
  for (const WalkEnd& end : walk(kWeb)) {
    (end.verdict == Verdict::kUnknown ? unknown
     : end.verdict == Verdict::kDrop  ? dropped
                                      : accepted) += end.probability;
  }
  EXPECT_DOUBLE_EQ(dropped, 0.25);
  EXPECT_DOUBLE_EQ(unknown, 0.375);
  EXPECT_DOUBLE_EQ(accepted, 0.375);
}

TEST_F(ChainWalkTest, ALotteryBehindWhatIsNotUnderstoodStaysWithIt) {
  chain("FORWARD") = {RuleBuilder().match(kUnknown).chance(0.5).drop(),
                      RuleBuilder().chance(0.5).match(kUnknown).drop(), RuleBuilder().drop()};
  double sum = 0;
  for (const WalkEnd& end : walk(kWeb)) {
    EXPECT_EQ(end.verdict, Verdict::kDrop);
    sum += end.probability;
  }
  EXPECT_DOUBLE_EQ(sum, 1);
}

TEST_F(ChainWalkTest, GivesUpOnVeryManyRulesThatAreNotUnderstood) {
  chain("USER") = {};
  for (int i = 0; i < 100; ++i) forward(RuleBuilder().match(kUnknown).jump("USER"));
  EXPECT_EQ(verdict(kWeb), Verdict::kUnknown);
}

TEST_F(ChainWalkTest, RecheckingFindsWhatWasSetInTime) {
  const IpAddress client = IpAddress::parse("10.180.0.9").value();
  recent_.change(lists_.id("A")).set(client, now_ - 60s);
  EXPECT_TRUE(matches(RuleBuilder().recheck("A", 60), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().recheck("A", 59), kWeb));
  EXPECT_FALSE(matches(RuleBuilder().recheck("B", 60), kWeb));
}

TEST_F(ChainWalkTest, SettingIsAChangeThatLaterRulesSee) {
  forward(RuleBuilder().set("A").target(NoTarget{}));
  forward(RuleBuilder().recheck("A", 60).drop());
  const auto ends = walk(kWeb);
  EXPECT_EQ(ends[0].verdict, Verdict::kDrop);
  ASSERT_EQ(ends[0].changes.size(), 1U);
  EXPECT_EQ(ends[0].changes[0].kind, RecentChange::Kind::kSet);
  EXPECT_FALSE(recent_[lists_.id("A")].contains(view_.source)) << "walking changes nothing";
}

TEST_F(ChainWalkTest, RecheckingReapsOnlyForSourcesThatTheListHas) {
  recent_.change(lists_.id("A")).set(IpAddress::parse("10.9.9.9").value(), 1s);
  forward(RuleBuilder().recheck("A", 60).drop());
  EXPECT_TRUE(walk(kWeb)[0].changes.empty());
  recent_.change(lists_.id("A")).set(IpAddress::parse("10.180.0.9").value(), now_);
  const auto ends = walk(kWeb);
  ASSERT_EQ(ends[0].changes.size(), 1U);
  EXPECT_EQ(ends[0].changes[0].kind, RecentChange::Kind::kReap);
}

TEST_F(ChainWalkTest, DnatAndMasqueradeEndTheWalkWithTheirChoice) {
  forward(RuleBuilder().protocol(kTcp).dnat("10.180.0.10:8080"));
  const auto ends = walk(kWeb);
  EXPECT_EQ(ends[0].nat.kind, NatChoice::Kind::kDestination);
  EXPECT_EQ(ends[0].nat.to.to_string(), "10.180.0.10:8080");
  chain("FORWARD") = {RuleBuilder().masquerade(true)};
  EXPECT_EQ(walk(kWeb)[0].nat.kind, NatChoice::Kind::kMasquerade);
  EXPECT_TRUE(walk(kWeb)[0].nat.random_fully);
}

TEST_F(ChainWalkTest, TheTraceNamesEveryRuleThatMatched) {
  chain("USER") = {RuleBuilder().to("10.0.0.1/32").drop(), RuleBuilder().drop()};
  forward(RuleBuilder().from("10.180.0.9/32").jump("USER"));
  const auto ends = walk(kWeb);
  EXPECT_EQ(ends[0].trace, (std::vector<std::string>{"filter FORWARD #1  -s 10.180.0.9/32 -j USER",
                                                     "filter FORWARD USER #2  -j DROP"}));
}

}  // namespace
}  // namespace kubeproof::netfilter
