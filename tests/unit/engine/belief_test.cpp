// States that are possible at one time: told apart by what follows, sharing what they have in
// common, and bounded.
#include "replay/engine/belief.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "model/packet/packet_builder.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/small_node.h"

namespace kubeproof {
namespace {

using namespace std::chrono_literals;
using netfilter::RuleBuilder;
using netfilter::TableName;

// A service of which each packet sets one of two affinities and then dies; and one to look at them.
class BeliefTest : public testing::Test {
 protected:
  void SetUp() override {
    auto rules = netfilter::ruleset_with({TableName::kFilter, TableName::kNat});
    const auto chain = [&](const char* name) -> auto& {
      return netfilter::chain_of(rules, TableName::kFilter, name);
    };
    chain("FORWARD") = {
        RuleBuilder().to("10.96.0.10/32").chance(0.5).jump("FIRST"),
        RuleBuilder().to("10.96.0.10/32").jump("SECOND"),
        RuleBuilder().to("10.96.0.11/32").recheck("first", 100).drop(),
    };
    chain("FIRST") = {RuleBuilder().set("first").drop()};
    chain("SECOND") = {RuleBuilder().set("second").drop()};
    const auto loaded =
        interpreter_.load(std::make_shared<const netfilter::Ruleset>(std::move(rules)));
    ASSERT_TRUE(loaded) << loaded.error().message;
  }

  static Bytes packet(uint32_t client, const char* to) {
    return PacketBuilder::udp({IpAddress::v4(0xcb007100 + client), 1000},
                              SocketAddress::parse(to).value())
        .build();
  }
  // Takes all outcomes with so many emissions.
  void see(const Bytes& packet, size_t emissions) {
    const auto outcomes =
        belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = packet}, 1000s);
    std::vector<OutcomeMatch> matches;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      if (!outcomes[i].undecided && outcomes[i].emissions.size() == emissions) {
        matches.push_back({i, std::vector<std::optional<uint16_t>>(emissions)});
      }
    }
    const auto refused = belief_.commit(matches, 1000s);
    EXPECT_FALSE(refused) << *refused;
  }
  void die(uint32_t client) { see(packet(client, "10.96.0.10:80"), 0); }

  World world_ = netfilter::small_node();
  netfilter::Interpreter interpreter_{world_};
  Belief belief_;
};

TEST_F(BeliefTest, AChoiceThatStaysInvisibleLeavesTwoStates) {
  die(1);
  EXPECT_EQ(belief_.size(), 2U);
  const Bytes probe = packet(1, "10.96.0.11:80");
  const auto outcomes =
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = probe}, 1000s);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_DOUBLE_EQ(outcomes[0].probability, 0.5);
}

TEST_F(BeliefTest, WhatFollowsTellsThemApart) {
  die(1);
  see(packet(1, "10.96.0.11:80"), 0);
  EXPECT_EQ(belief_.size(), 1U);
}

TEST_F(BeliefTest, StatesShareTheirFlowsWhileTheseAreTheSame) {
  die(1);
  die(2);
  EXPECT_EQ(belief_.size(), 4U);
  for (uint32_t client = 10; client < 20; ++client) see(packet(client, "203.0.113.1:80"), 1);
  EXPECT_EQ(belief_.size(), 4U);
  EXPECT_EQ(belief_.distinct_flows(), 1U);
}

TEST_F(BeliefTest, StatesThatHaveBecomeTheSameAreOne) {
  die(1);
  die(1);
  EXPECT_EQ(belief_.size(), 3U) << "first, second, both";
}

TEST_F(BeliefTest, SourcesOfWhichLittleIsKnownDoNotMultiply) {
  for (uint32_t client = 1; client <= 40; ++client) die(client);
  const Bytes probe = packet(1, "10.96.0.11:80");
  const auto outcomes =
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = probe}, 1000s);
  ASSERT_EQ(outcomes.size(), 2U);
  EXPECT_FALSE(outcomes.back().undecided);
  EXPECT_DOUBLE_EQ(outcomes[0].probability, 0.5);
}

TEST_F(BeliefTest, WhatIsSeenOfOneSourceSaysNothingOfAnother) {
  die(1);
  die(2);
  see(packet(1, "10.96.0.11:80"), 0);
  EXPECT_EQ(belief_.size(), 2U);
  const Bytes probe = packet(2, "10.96.0.11:80");
  EXPECT_EQ(
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = probe}, 1000s)
          .size(),
      2U);
}

TEST_F(BeliefTest, SourcesThatMayEvictEachOtherAreNotKeptApart) {
  for (uint32_t client = 1; client < netfilter::RecentList::kCapacity; ++client) {
    die(client);
    see(packet(client, "10.96.0.11:80"), 0);
  }
  die(200);
  die(201);
  die(202);
  // 99 that were set first, and more of them than the list holds together with the others.
  const Bytes probe = packet(1, "10.96.0.11:80");
  const auto outcomes =
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = probe}, 1000s);
  size_t passed = 0;
  for (const Outcome& outcome : outcomes) passed += outcome.emissions.size();
  EXPECT_GT(passed, 0U) << "the list has forgotten the first of its sources";
  EXPECT_LT(passed, outcomes.size());
}

TEST_F(BeliefTest, ListsThatNoRuleNamesTakeTheirStatesAlong) {
  die(1);
  belief_.retain_lists({});
  EXPECT_EQ(belief_.size(), 1U);
}

// Each packet sets some of seven lists, and dies.
class ManyChoicesTest : public BeliefTest {
 protected:
  void SetUp() override {
    auto rules = netfilter::ruleset_with({TableName::kFilter, TableName::kNat});
    auto& forward = netfilter::chain_of(rules, TableName::kFilter, "FORWARD");
    for (const char* list : {"a", "b", "c", "d", "e", "f", "g"}) {
      forward.push_back(RuleBuilder().to("10.96.0.10/32").chance(0.5).set(list).or_mark(0));
    }
    forward.push_back(RuleBuilder().to("10.96.0.10/32").drop());
    const auto loaded =
        interpreter_.load(std::make_shared<const netfilter::Ruleset>(std::move(rules)));
    ASSERT_TRUE(loaded) << loaded.error().message;
  }
};

TEST_F(ManyChoicesTest, KeepsNoMoreStatesOfASourceThanItMayAndSaysSo) {
  die(1);
  EXPECT_EQ(belief_.size(), Belief::kMostStates);
  const Bytes probe = packet(1, "203.0.113.1:80");
  const auto outcomes =
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = probe}, 1000s);
  EXPECT_TRUE(outcomes.back().undecided);
  // Taking that outcome changes nothing.
  const OutcomeMatch forgotten{outcomes.size() - 1, {}};
  EXPECT_FALSE(belief_.commit({&forgotten, 1}, 1000s));
  EXPECT_EQ(belief_.size(), Belief::kMostStates);
  const Bytes other = packet(2, "203.0.113.1:80");
  EXPECT_FALSE(
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = other}, 1000s)
          .back()
          .undecided);
}

}  // namespace
}  // namespace kubeproof
