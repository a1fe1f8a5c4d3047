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

TEST_F(BeliefTest, KeepsNoMoreStatesThanItMayAndSaysSo) {
  for (uint32_t client = 1; client <= 10; ++client) die(client);
  EXPECT_EQ(belief_.size(), Belief::kMostStates);
  const Bytes probe = packet(1, "10.96.0.11:80");
  const auto outcomes =
      belief_.evaluate(interpreter_, {.ingress = {netfilter::kUplink}, .packet = probe}, 1000s);
  EXPECT_TRUE(outcomes.back().undecided);
  // Taking that outcome changes nothing.
  const OutcomeMatch forgotten{outcomes.size() - 1, {}};
  EXPECT_FALSE(belief_.commit({&forgotten, 1}, 1000s));
  EXPECT_EQ(belief_.size(), Belief::kMostStates);
}

}  // namespace
}  // namespace kubeproof
