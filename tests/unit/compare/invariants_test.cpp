#include "replay/compare/invariants.h"

#include <gtest/gtest.h>

#include "model/packet/icmp_error.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

class Invariants : public testing::Test {
 protected:
  std::vector<Kind> violated(Ingress ingress, const Bytes& packet, const Fate& fate) {
    std::vector<DifferencePart> violations;
    check_invariants(world_, {ingress, packet, 0}, fate, violations);
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
};

TEST_F(Invariants, HoldForAPlainForward) {
  EXPECT_TRUE(forwarded(request().ttl(64).build(), request().ttl(63).build()).empty());
}

TEST_F(Invariants, WantTheTtlOfAForwardedPacketToFallByOne) {
  EXPECT_EQ(forwarded(request().ttl(64).build(), request().ttl(64).build()),
            std::vector{Kind::kTtl});
  EXPECT_EQ(forwarded(request().ttl(64).build(), request().ttl(62).build()),
            std::vector{Kind::kTtl});
}

TEST_F(Invariants, WantTheTtlOfADeliveryOrAHostsPacketUnchanged) {
  const Bytes packet = request().ttl(64).build();
  EXPECT_TRUE(
      violated(Ingress{kUplink.interface}, packet, fate_of(Place::sockets(), packet)).empty());
  EXPECT_TRUE(violated(Ingress::host(), packet, fate_of(kUplink, packet)).empty());
  EXPECT_EQ(violated(Ingress::host(), packet, fate_of(kUplink, request().ttl(63).build())),
            std::vector{Kind::kTtl});
}

TEST_F(Invariants, CatchAChecksumThatWentWrong) {
  EXPECT_EQ(forwarded(request().build(), request().ttl(63).bad_transport_checksum().build()),
            std::vector{Kind::kChecksum});
  EXPECT_EQ(forwarded(request().build(), request().ttl(63).bad_header_checksum().build()),
            std::vector{Kind::kChecksum});
}

TEST_F(Invariants, LetAWrongChecksumStayWrong) {
  EXPECT_TRUE(forwarded(request().bad_transport_checksum().build(),
                        request().ttl(63).bad_transport_checksum().build())
                  .empty());
}

TEST_F(Invariants, CatchAQuotedChecksumThatWentWrong) {
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

TEST_F(Invariants, TakeAnErrorOfTheNodesOwnForNoForward) {
  const Bytes packet = request().ttl(1).build();
  const Bytes error = *make_icmp_error(packet, IcmpError::time_exceeded(Family::kIpv4),
                                       *IpAddress::parse("192.168.0.2"));
  EXPECT_TRUE(violated(Ingress{kUplink.interface}, packet, fate_of(kUplink, error)).empty());
}

TEST_F(Invariants, CatchAMartianSource) {
  world_.sysctls.route_localnet = false;
  EXPECT_EQ(forwarded(request().build(),
                      PacketBuilder::tcp("127.0.0.1:4000", "10.180.0.1:80").syn().ttl(63).build()),
            std::vector{Kind::kMartianSource});
  EXPECT_EQ(forwarded(request().build(),
                      PacketBuilder::tcp("0.0.0.0:4000", "10.180.0.1:80").syn().ttl(63).build()),
            std::vector{Kind::kMartianSource});
}

TEST_F(Invariants, LetTheKernelSendWhatItGivesBackToLoopback) {
  const Bytes answer = PacketBuilder::tcp("[fd00:180::9]:80", "[2001:db8::2]:4000").build();
  const auto from_loopback = [](const char* to) {
    return PacketBuilder::tcp("[::1]:30000", to).ttl(63).build();
  };
  EXPECT_TRUE(forwarded(answer, from_loopback("[::1]:4000")).empty());
  EXPECT_EQ(forwarded(answer, from_loopback("[2001:db8::7]:4000")),
            std::vector{Kind::kMartianSource});
}

TEST_F(Invariants, CatchAPacketEmittedTwice) {
  Fate fate = fate_of(kPod1, request().ttl(63).build());
  fate.add_emission(kPod2, request().ttl(63).build());
  EXPECT_EQ(violated(Ingress{kUplink.interface}, request().build(), fate),
            std::vector{Kind::kDuplicateEmission});
}

}  // namespace
}  // namespace kubeproof
