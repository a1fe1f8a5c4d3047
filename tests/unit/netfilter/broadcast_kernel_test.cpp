// What goes to all of a network or to a group, through the kernel and through the interpreter: what
// the node itself sends there comes back to it as well.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

constexpr uint32_t kHost = 0;  // an ingress
constexpr uint32_t kMark = 0x4000;

class BroadcastTest : public TwinNodes {
 protected:
  const Fate& from_host(const std::string& to) {
    const bool v4 = to.find('.') != std::string::npos;
    return send(kHost,
                PacketBuilder::udp(v4 ? "192.168.0.2:1000" : "[2001:db8::2]:1000", to).build());
  }
  static bool has(const Fate& fate, Place place) {
    return std::any_of(fate.begin(), fate.end(),
                       [place](const Emission& emission) { return emission.place == place; });
  }
};

TEST_F(BroadcastTest, WhatTheNodeSendsToItsNetworkComesBack) {
  const Fate& fate = from_host("192.168.0.255:9");
  EXPECT_EQ(fate.size(), 2U);
  EXPECT_TRUE(has(fate, Place{kUplink}));
  EXPECT_TRUE(has(fate, Place::sockets()));
}

TEST_F(BroadcastTest, TheLowestAddressOfANetworkIsAsAnyOther) {
  const Fate& fate = from_host("192.168.0.0:9");
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_TRUE(has(fate, Place{kUplink}));
}

TEST_F(BroadcastTest, WhatItSendsToEverybodyComesBack) {
  EXPECT_EQ(from_host("255.255.255.255:9").size(), 2U);
}

TEST_F(BroadcastTest, WhatItSendsToAGroupComesBackWhereItIsInTheGroup) {
  EXPECT_EQ(from_host("224.0.0.1:9").size(), 2U);
  EXPECT_EQ(from_host("239.1.2.3:9").size(), 1U);
  EXPECT_EQ(from_host("[ff02::1]:9").size(), 2U);
  EXPECT_EQ(from_host("[ff02::2]:9").size(), 2U);
  EXPECT_EQ(from_host("[ff0e::9]:9").size(), 1U);
}

TEST_F(BroadcastTest, AHostThatDoesNotForwardIsInNoGroupOfRouters) {
  world_.sysctls.ip_forward = false;
  EXPECT_EQ(from_host("[ff02::1]:9").size(), 2U);
  EXPECT_EQ(from_host("[ff02::2]:9").size(), 1U);
}

TEST_F(BroadcastTest, AGroupOfOneInterfaceStaysThere) {
  const Fate& fate = from_host("[ff01::1]:9");
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_TRUE(fate[0].place.is_sockets());
}

TEST_F(BroadcastTest, BothCopiesAreMasqueradedAlike) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    chain(TableName::kNat, "OUTPUT",
          family) = {RuleBuilder().protocol(kUdp).dport(9).or_mark(kMark)};
    chain(TableName::kNat, "POSTROUTING", family) = {RuleBuilder().mark(kMark, kMark).masquerade()};
  }
  EXPECT_EQ(from_host("192.168.0.255:9").size(), 2U);
  EXPECT_EQ(from_host("[ff02::1]:9").size(), 2U);
  expect_same_flows();
}

TEST_F(BroadcastTest, ACopyMayDieInInput) {
  chain(TableName::kFilter, "INPUT").push_back(RuleBuilder().to("192.168.0.255/32").drop());
  const Fate& fate = from_host("192.168.0.255:9");
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_TRUE(has(fate, Place{kUplink}));
}

TEST_F(BroadcastTest, NobodyIsToldThatItWasRejected) {
  chain(TableName::kFilter, "INPUT").push_back(RuleBuilder().to("192.168.0.255/32").reject());
  EXPECT_EQ(from_host("192.168.0.255:9").size(), 1U);
}

TEST_F(BroadcastTest, ATranslatedOneIsAPacketAsAnyOther) {
  chain(TableName::kNat,
        "OUTPUT") = {RuleBuilder().to("192.168.0.255/32").protocol(kUdp).dnat("10.180.0.9:53")};
  const Fate& fate = from_host("192.168.0.255:9");
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_TRUE(has(fate, Place{kPod1}));
}

TEST_F(BroadcastTest, AnErrorTowardAllOfANetworkComesBack) {
  chain(TableName::kFilter, "FORWARD").push_back(RuleBuilder().to("10.180.0.10/32").reject());
  EXPECT_EQ(send(kUplink, PacketBuilder::udp("192.168.0.255:1000", "10.180.0.10:9").build()).size(),
            2U);
}

TEST_F(BroadcastTest, FromOutsideItIsDelivered) {
  for (const char* to : {"192.168.0.255:9", "255.255.255.255:9", "224.0.0.1:9"}) {
    const Fate& fate = send(kUplink, PacketBuilder::udp("192.168.0.77:1000", to).build());
    ASSERT_EQ(fate.size(), 1U) << to;
    EXPECT_TRUE(fate[0].place.is_sockets()) << to;
  }
  EXPECT_TRUE(
      send(kUplink, PacketBuilder::udp("192.168.0.77:1000", "239.1.2.3:9").build()).dropped());
}

}  // namespace
}  // namespace kubeproof::netfilter
