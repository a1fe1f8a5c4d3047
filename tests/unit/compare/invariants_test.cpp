#include "replay/compare/invariants.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

class InvariantsTest : public testing::Test {
 protected:
  std::vector<Kind> violated(Ingress ingress, const Bytes& packet, const Fate& fate) {
    std::vector<DifferencePart> violations;
    invariants_.check({ingress, packet, 0}, fate, violations);
    std::vector<Kind> kinds;
    for (const DifferencePart& part : violations) kinds.push_back(part.kind);
    return kinds;
  }
  std::vector<Kind> forwarded(const Bytes& in, const Bytes& out) {
    return violated(Ingress{kUplink.interface}, in, fate_of(kPod1, out));
  }

  static PacketBuilder request() {
    return PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.1:80").syn();
  }

  World world_ = small_world();
  Invariants invariants_{world_};
};

TEST_F(InvariantsTest, HoldForAPlainForward) {
  EXPECT_TRUE(forwarded(request().ttl(64).build(), request().ttl(63).build()).empty());
}

TEST_F(InvariantsTest, WantTheTtlOfAForwardedPacketToFallByOne) {
  EXPECT_EQ(forwarded(request().ttl(64).build(), request().ttl(64).build()),
            std::vector{Kind::kTtl});
  EXPECT_EQ(forwarded(request().ttl(64).build(), request().ttl(62).build()),
            std::vector{Kind::kTtl});
}

TEST_F(InvariantsTest, WantTheTtlOfADeliveryOrAHostsPacketUnchanged) {
  const Bytes packet = request().ttl(64).build();
  EXPECT_TRUE(
      violated(Ingress{kUplink.interface}, packet, fate_of(Place::sockets(), packet)).empty());
  EXPECT_TRUE(violated(Ingress::host(), packet, fate_of(kUplink, packet)).empty());
  EXPECT_EQ(violated(Ingress::host(), packet, fate_of(kUplink, request().ttl(63).build())),
            std::vector{Kind::kTtl});
}

TEST_F(InvariantsTest, CatchAChecksumThatWentWrong) {
  EXPECT_EQ(forwarded(request().build(), request().ttl(63).bad_transport_checksum().build()),
            std::vector{Kind::kChecksum});
  EXPECT_EQ(forwarded(request().build(), request().ttl(63).bad_header_checksum().build()),
            std::vector{Kind::kChecksum});
}

TEST_F(InvariantsTest, LetAWrongChecksumStayWrong) {
  EXPECT_TRUE(forwarded(request().bad_transport_checksum().build(),
                        request().ttl(63).bad_transport_checksum().build())
                  .empty());
}

// The stack clears what stands behind the end of the options, and mends the checksum when it
// forwards.
TEST_F(InvariantsTest, LetOnlyADeliveryLoseBytesBehindTheOptions) {
  const auto with_options = [](std::initializer_list<uint8_t> options) {
    return request().ip_options(Bytes(options)).build();
  };
  const Bytes packet = with_options({0, 1, 2, 3});
  Bytes cleared = packet;
  std::fill_n(cleared.begin() + 20, 4, uint8_t{0});
  const Ingress uplink{kUplink.interface};
  EXPECT_TRUE(violated(uplink, packet, fate_of(Place::sockets(), cleared)).empty());
  const Bytes error = *make_icmp_error(cleared, IcmpError::port_unreachable(Family::kIpv4),
                                       *IpAddress::parse("192.168.0.2"));
  EXPECT_TRUE(violated(uplink, packet, fate_of(kUplink, error)).empty());
  cleared[8] = 63;
  store16(cleared, 10, update_checksum(load16(cleared, 10), 0x4000, 0x3f00));
  EXPECT_EQ(forwarded(packet, cleared), std::vector{Kind::kChecksum});
  store16(cleared, 10, ipv4_header_checksum(cleared));
  EXPECT_TRUE(forwarded(packet, cleared).empty());
}

TEST_F(InvariantsTest, CatchAQuotedChecksumThatWentWrong) {
  const auto error_about = [](const PacketBuilder& quoted, uint8_t ttl) {
    return PacketBuilder::icmp("10.180.0.1", "10.0.0.1", 3, 3)
        .ttl(ttl)
        .payload(quoted.build())
        .build();
  };
  EXPECT_TRUE(forwarded(error_about(request(), 64), error_about(request(), 63)).empty());
  EXPECT_EQ(forwarded(error_about(request(), 64), error_about(request().bad_header_checksum(), 63)),
            std::vector{Kind::kChecksum});
}

TEST_F(InvariantsTest, TakeAnErrorOfTheNodesOwnForNoForward) {
  const Bytes packet = request().ttl(1).build();
  const Bytes error = *make_icmp_error(packet, IcmpError::time_exceeded(Family::kIpv4),
                                       *IpAddress::parse("192.168.0.2"));
  EXPECT_TRUE(violated(Ingress{kUplink.interface}, packet, fate_of(kUplink, error)).empty());
}

TEST_F(InvariantsTest, CatchAMartianSource) {
  world_.sysctls.route_localnet = false;
  EXPECT_EQ(forwarded(request().build(),
                      PacketBuilder::tcp("127.0.0.1:4000", "10.180.0.1:80").syn().ttl(63).build()),
            std::vector{Kind::kMartianSource});
  EXPECT_EQ(forwarded(request().build(),
                      PacketBuilder::tcp("0.0.0.0:4000", "10.180.0.1:80").syn().ttl(63).build()),
            std::vector{Kind::kMartianSource});
}

TEST_F(InvariantsTest, LetTheKernelSendWhatItGivesBackToLoopback) {
  const Bytes answer = PacketBuilder::tcp("[fd00:180::9]:80", "[2001:db8::2]:4000").build();
  const auto from_loopback = [](const char* to) {
    return PacketBuilder::tcp("[::1]:30000", to).ttl(63).build();
  };
  EXPECT_TRUE(forwarded(answer, from_loopback("[::1]:4000")).empty());
  // On a node that has no other address it is what masquerading takes.
  EXPECT_TRUE(forwarded(answer, from_loopback("[2001:db8::7]:4000")).empty());
  world_.interfaces[1].addresses.emplace_back().address = *IpAddress::parse("2001:db8::2");
  EXPECT_TRUE(forwarded(answer, from_loopback("[::1]:4000")).empty());
  EXPECT_EQ(forwarded(answer, from_loopback("[2001:db8::7]:4000")),
            std::vector{Kind::kMartianSource});
}

TEST_F(InvariantsTest, LetAGroupAnswerWhoeverHasSentToIt) {
  const Bytes answer = PacketBuilder::udp("10.180.0.1:53", "10.0.0.1:4000").ttl(64).build();
  const Bytes as_group = PacketBuilder::udp("224.0.0.1:53", "10.0.0.1:4000").ttl(63).build();
  EXPECT_EQ(forwarded(answer, as_group), std::vector{Kind::kMartianSource});
  const Bytes request = PacketBuilder::udp("10.0.0.1:4000", "224.0.0.1:53").ttl(64).build();
  EXPECT_TRUE(
      forwarded(request, PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53").ttl(63).build())
          .empty());
  EXPECT_TRUE(forwarded(answer, as_group).empty());
}

TEST_F(InvariantsTest, LetOnlyOutsidersBeAnsweredFromLoopback) {
  world_.sysctls.route_localnet = false;
  const Bytes answer = PacketBuilder::tcp("10.180.0.1:80", "192.168.0.2:4000").ttl(64).build();
  const Bytes as_loopback = PacketBuilder::tcp("127.0.0.1:30000", "10.0.0.1:4000").ttl(63).build();
  const auto to_loopback = [](const char* from) {
    return PacketBuilder::tcp(from, "127.0.0.1:30000").build();
  };
  EXPECT_TRUE(violated(Ingress::host(), to_loopback("127.0.0.1:4000"), {}).empty());
  EXPECT_EQ(forwarded(answer, as_loopback), std::vector{Kind::kMartianSource});
  EXPECT_TRUE(violated(Ingress{kUplink.interface}, to_loopback("10.0.0.1:4000"), {}).empty());
  EXPECT_TRUE(forwarded(answer, as_loopback).empty());
}

TEST_F(InvariantsTest, LetASenderHearWhatItSendsToMany) {
  for (const char* to : {"224.0.0.1:9", "255.255.255.255:9"}) {
    const Bytes packet = PacketBuilder::udp("192.168.0.2:4000", to).build();
    Fate fate = fate_of(kUplink, packet);
    fate.add_emission(Place::sockets(), packet);
    EXPECT_TRUE(violated(Ingress::host(), packet, fate).empty()) << to;
    fate.add_emission(kPod1, packet);
    EXPECT_EQ(violated(Ingress::host(), packet, fate), std::vector{Kind::kDuplicateEmission}) << to;
  }
}

// Whoever configured the route made the address one of many.
TEST_F(InvariantsTest, LetASenderHearWhatARouteCallsABroadcast) {
  const Bytes packet = PacketBuilder::udp("192.168.0.2:4000", "10.1.2.200:53").build();
  Fate fate = fate_of(kUplink, packet);
  fate.add_emission(Place::sockets(), packet);
  EXPECT_EQ(violated(Ingress::host(), packet, fate), std::vector{Kind::kDuplicateEmission});
  Route& route = world_.routes.emplace_back();
  route.type = RouteType::kBroadcast;
  route.destination = *Cidr::parse("10.1.2.128/25");
  route.interface = kUplink.interface;
  EXPECT_TRUE(violated(Ingress::host(), packet, fate).empty());
}

TEST_F(InvariantsTest, CatchAPacketEmittedTwice) {
  Fate fate = fate_of(kPod1, request().ttl(63).build());
  fate.add_emission(kPod2, request().ttl(63).build());
  EXPECT_EQ(violated(Ingress{kUplink.interface}, request().build(), fate),
            std::vector{Kind::kDuplicateEmission});
}

}  // namespace
}  // namespace kubeproof
