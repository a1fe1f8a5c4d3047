// `recent` lists whose rules come to look back further, through the kernel and through the
// interpreter, in real time: a kernel that is aged from outside has lost what is too old by then.
#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

constexpr uint16_t kSet = 1000;
constexpr uint16_t kCheck = 2000;

class RecentTest : public TwinNodes {
 protected:
  // Packets to one port set a list, those to another die where it holds their source.
  void look_back(uint32_t seconds) {
    chain(TableName::kFilter, "FORWARD") = {
        RuleBuilder().protocol(kUdp).dport(kSet).set("clients").or_mark(0),
        RuleBuilder().protocol(kUdp).dport(kCheck).recheck("clients", seconds).drop()};
    load();
  }
  void set(const char* client) { to(client, kSet); }
  bool is_recent(const char* client) { return to(client, kCheck).dropped(); }

 private:
  const Fate& to(const char* client, uint16_t port) {
    return send(kUplink, PacketBuilder::udp({*IpAddress::parse(client), 4000},
                                            {*IpAddress::parse("10.180.0.9"), port})
                             .build());
  }
};

TEST_F(RecentTest, WhatIsTooOldIsFoundAgainByRulesThatLookBackFurther) {
  look_back(1);
  set("198.51.100.7");
  wait(std::chrono::milliseconds(1500));
  look_back(100);
  EXPECT_TRUE(is_recent("198.51.100.7"));
}

TEST_F(RecentTest, UnlessItWasReapedBefore) {
  look_back(1);
  set("198.51.100.7");
  set("198.51.100.8");
  wait(std::chrono::milliseconds(1500));
  // Whoever asks, the one that was set least recently goes.
  EXPECT_FALSE(is_recent("198.51.100.8"));
  look_back(100);
  EXPECT_FALSE(is_recent("198.51.100.7"));
  EXPECT_TRUE(is_recent("198.51.100.8"));
}

TEST_F(RecentTest, WhatIsLiveIsKeptForLonger) {
  look_back(100);
  set("198.51.100.7");
  advance(100);
  look_back(10800);
  advance(10700);
  EXPECT_TRUE(is_recent("198.51.100.7"));
  advance(1);
  EXPECT_FALSE(is_recent("198.51.100.7"));
}

}  // namespace
}  // namespace kubeproof::netfilter
