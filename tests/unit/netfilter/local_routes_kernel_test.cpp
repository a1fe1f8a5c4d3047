// Addresses that are the node's by a route alone, or anycast, through the kernel and through the
// interpreter: they pass for the node's own in some places and not in others.
#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

constexpr uint32_t kHost = 0;  // an ingress

class LocalRoutesTest : public TwinNodes {
 protected:
  void add_route(std::string_view destination, RouteType type) {
    Route route;
    route.destination = *Cidr::parse(destination);
    route.type = type;
    if (type == RouteType::kLocal) route.interface = kLoopback;
    if (route.destination.family() == Family::kIpv6) route.metric = 1024;
    world_.routes.push_back(route);
  }

  void add_interface(uint32_t index, const char* name, std::string_view address, uint8_t length) {
    Interface& added = world_.interfaces.emplace_back();
    added.index = index;
    added.name = name;
    InterfaceAddress& own = added.addresses.emplace_back();
    own.address = *IpAddress::parse(address);
    own.prefix_length = length;
  }

  // What the kernel answered with, having been sent one packet; nothing where it was silent.
  std::optional<PacketView> answer(uint32_t ingress, const PacketBuilder& packet) {
    const Fate& fate = send(ingress, packet.build());
    if (fate.dropped()) return std::nullopt;
    return parse_packet(fate[0].packet).value();
  }
};

TEST_F(LocalRoutesTest, NobodyElseMaySpeakForThemNorForASubnet) {
  const auto claims = [](const char* source) {
    return PacketBuilder::udp(std::string(source) + ":1000", "192.168.0.2:53").build();
  };
  add_route("203.0.113.3/32", RouteType::kLocal);
  EXPECT_TRUE(send(kUplink, claims("203.0.113.3")).dropped());
  EXPECT_TRUE(send(kUplink, claims("192.168.0.255")).dropped());
  EXPECT_FALSE(send(kUplink, claims("203.0.113.4")).dropped());
}

TEST_F(LocalRoutesTest, WithoutThemOnlyAddressesOfInterfacesCount) {
  EXPECT_FALSE(
      send(kUplink, PacketBuilder::udp("192.168.0.255:1000", "192.168.0.2:53").build()).dropped());
}

TEST_F(LocalRoutesTest, AddrtypeTakesThemForLocal) {
  add_route("203.0.113.3/32", RouteType::kLocal);
  add_route("2001:db8:113::3/128", RouteType::kLocal);
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    chain(TableName::kFilter, "OUTPUT", family) = {RuleBuilder().match(LocalAddressMatch{}).drop()};
  }
  EXPECT_FALSE(answer(kHost, PacketBuilder::udp("192.168.0.2:1000", "203.0.113.3:53")));
  EXPECT_TRUE(answer(kHost, PacketBuilder::udp("192.168.0.2:1000", "203.0.113.4:53")));
  EXPECT_FALSE(answer(kHost, PacketBuilder::udp("[2001:db8::2]:1000", "[2001:db8:113::3]:53")));
  EXPECT_TRUE(answer(kHost, PacketBuilder::udp("[2001:db8::2]:1000", "[2001:db8:113::4]:53")));
}

// net/ipv4/fib_trie.c keeps tables local and main in one as long as there are no further rules, and
// so takes the longest prefix of both.
TEST_F(LocalRoutesTest, ALongerPrefixGoesBeforeASubnetOfLoopback) {
  InterfaceAddress& own = world_.interfaces.front().addresses.emplace_back();
  own.address = *IpAddress::parse("10.7.0.1");
  own.prefix_length = 24;
  add_route("10.7.0.9/32", RouteType::kUnicast);
  world_.routes.back().interface = kPod2;
  const Fate& forwarded = send(kPod1, PacketBuilder::udp("10.180.0.9:1000", "10.7.0.9:53").build());
  ASSERT_FALSE(forwarded.dropped());
  EXPECT_EQ(forwarded[0].place, Place{kPod2});
  const Fate& delivered = send(kPod1, PacketBuilder::udp("10.180.0.9:1000", "10.7.0.8:53").build());
  ASSERT_FALSE(delivered.dropped());
  EXPECT_TRUE(delivered[0].place.is_sockets());
}

TEST_F(LocalRoutesTest, ErrorsComeFromThemInIpv4Only) {
  add_route("203.0.113.3/32", RouteType::kLocal);
  add_route("2001:db8:113::3/128", RouteType::kLocal);
  chain(TableName::kFilter, "INPUT") = {RuleBuilder().protocol(kUdp).reject()};
  chain(TableName::kFilter, "INPUT", Family::kIpv6) = {RuleBuilder().protocol(kUdp).reject()};
  const auto ipv4 = answer(kPod1, PacketBuilder::udp("10.180.0.9:1000", "203.0.113.3:53"));
  ASSERT_TRUE(ipv4);
  EXPECT_EQ(ipv4->source.to_string(), "203.0.113.3");
  const auto ipv6 = answer(kPod1, PacketBuilder::udp("[fd00::9]:1000", "[2001:db8:113::3]:53"));
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->source.to_string(), "2001:db8::2");
}

TEST_F(LocalRoutesTest, WhatIsSentToThemComesFromThem) {
  add_route("203.0.113.3/32", RouteType::kLocal);
  chain(TableName::kFilter, "OUTPUT") = {RuleBuilder().protocol(kUdp).reject()};
  const auto refused = answer(kHost, PacketBuilder::udp("203.0.113.3:1000", "10.180.0.9:53"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->source.to_string(), "203.0.113.3");
}

TEST_F(LocalRoutesTest, AnAddressThatIsAnycastBeforeItIsOnesOwnIsAnycast) {
  add_interface(20, "br0", "fd00:5::1", 64);
  add_interface(21, "vxlan0", "fd00:5::", 128);
  auto& output = chain(TableName::kFilter, "OUTPUT", Family::kIpv6);
  output = {RuleBuilder().to("fd00::9/128").protocol(kUdp).reject(),
            RuleBuilder().protocol(kUdp).match(LocalAddressMatch{}).drop()};
  EXPECT_FALSE(
      send(kHost, PacketBuilder::udp("[2001:db8::2]:1000", "[fd00:5::]:53").build()).dropped());
  EXPECT_FALSE(answer(kHost, PacketBuilder::udp("[fd00:5::]:1000", "[fd00::9]:53")));
  EXPECT_TRUE(answer(kHost, PacketBuilder::udp("[2001:db8::2]:1000", "[fd00::9]:53")));
}

TEST_F(LocalRoutesTest, AHostWithoutAnAddressIsMasqueradedInIpv6) {
  chain(TableName::kNat, "POSTROUTING", Family::kIpv6) = {RuleBuilder().masquerade()};
  const auto sent = answer(kUplink, PacketBuilder::udp("[::]:1000", "[2001:db8:1::9]:53"));
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->source.to_string(), "2001:db8::2");
}

TEST_F(LocalRoutesTest, ANodeThatDoesNotForwardTellsOfDeadEndsInIpv6Only) {
  world_.sysctls.ip_forward = false;
  add_route("10.5.0.0/24", RouteType::kProhibit);
  add_route("fd00:5::/64", RouteType::kProhibit);
  EXPECT_FALSE(answer(kPod1, PacketBuilder::udp("10.180.0.9:1000", "10.5.0.1:53")));
  EXPECT_TRUE(answer(kPod1, PacketBuilder::udp("[fd00::9]:1000", "[fd00:5::1]:53")));
  EXPECT_FALSE(answer(kPod1, PacketBuilder::udp("[fd00::9]:1000", "[fd00::10]:53")));
}

}  // namespace
}  // namespace kubeproof::netfilter
