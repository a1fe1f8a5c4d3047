#include "replay/compare/explain.h"

#include <gtest/gtest.h>

#include "model/packet/icmp_error.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

PacketBuilder request() {
  return PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.1:80").syn().ttl(63);
}

Bytes rejection() {
  const Bytes offending = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().build();
  return *make_icmp_error(offending, IcmpError::port_unreachable(Family::kIpv4),
                          *IpAddress::parse("192.168.0.2"));
}

class Explain : public testing::Test {
 protected:
  // The parts of the difference to what is permitted.
  std::vector<DifferencePart> parts(const std::vector<Seen>& seen,
                                    const std::vector<Outcome>& outcomes) {
    return explain_difference(world_, seen, outcomes).parts;
  }
  std::vector<DifferencePart> parts(const Bytes& seen, const Bytes& expected) {
    return parts({{seen, kPod1}}, {outcome_of(permitted(kPod1, expected))});
  }

  World world_ = small_world();
};

TEST_F(Explain, NamesADestinationPortInBothNotations) {
  const auto told =
      parts(PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.1:8080").syn().ttl(63).build(),
            request().build());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kDestinationPort);
  EXPECT_EQ(told[0].text, "destination port 8080 (0x1f90), expected 80 (0x0050)");
}

TEST_F(Explain, RecomputesAWrongChecksum) {
  const auto told = parts(request().bad_transport_checksum().build(), request().build());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kChecksum);
  EXPECT_TRUE(told[0].text.starts_with("TCP checksum wrong: 0x")) << told[0].text;
  EXPECT_NE(told[0].text.find(", recomputed 0x"), std::string::npos);
}

TEST_F(Explain, LeavesOutChecksumsThatOnlyFollow) {
  const auto told = parts(request().ttl(64).build(), request().build());
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].text, "TTL 64, expected 63");
}

TEST_F(Explain, TellsAForgottenChecksumBesideTheFieldThatChanged) {
  Bytes seen = request().build();
  store16(seen, 22, 8080);
  const auto told = parts(seen, request().build());
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].kind, Kind::kDestinationPort);
  EXPECT_EQ(told[1].kind, Kind::kChecksum);
}

// An endpoint of the many, sent out of another's interface: the interface is wrong, not the
// endpoint.
TEST_F(Explain, TakesWhereAPacketGoesToForTheChoiceAndNotItsInterface) {
  const Bytes local = request().build();
  const Bytes away = PacketBuilder::tcp("10.0.0.1:4000", "10.180.1.7:80").syn().ttl(63).build();
  const auto told = parts({{local, kUplink}}, {outcome_of(permitted(kUplink, away)),
                                               outcome_of(permitted(kPod1, local))});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kPlace);
}

TEST(DescribeOutcome, LeavesAPortOpenThatIsToBeChosen) {
  PermittedEmission emission =
      permitted(kUplink, PacketBuilder::tcp("192.168.0.2:0", "10.180.1.7:80").syn().build());
  emission.free_port = FreePort{20, 1024, 65535};
  const std::string text = describe_outcome(small_world(), outcome_of(emission));
  EXPECT_NE(text.find("192.168.0.2:* > 10.180.1.7:80"), std::string::npos) << text;
}

TEST_F(Explain, NamesBothPlaces) {
  const auto told =
      parts({{request().build(), kPod1}}, {outcome_of(permitted(kUplink, request().build()))});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kPlace);
  EXPECT_EQ(told[0].text, "went to pod1, permitted eth0");
}

TEST_F(Explain, SaysThatOnlyARejectionIsPermitted) {
  Outcome reject = outcome_of(permitted(kPod1, rejection()));
  reject.rejected = true;
  const auto told = parts({}, {reject});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kVerdict);
  EXPECT_TRUE(told[0].text.starts_with(
      "dropped; the reference permits only: REJECT, an ICMP error out of pod1: "))
      << told[0].text;
}

TEST_F(Explain, TakesAForwardedPacketForAnotherVerdictThanARejection) {
  const auto told =
      parts({{request().build(), kPod1}}, {outcome_of(permitted(kPod1, rejection()))});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kVerdict);
}

TEST_F(Explain, ComparesWithTheNearestOutcome) {
  const Bytes far = PacketBuilder::tcp("10.0.0.1:4000", "10.180.9.9:80").syn().ttl(63).build();
  const std::vector<Outcome> outcomes = {Outcome{}, outcome_of(permitted(kUplink, far)),
                                         outcome_of(permitted(kPod1, request().build()))};
  const Bytes packet = request().ttl(60).build();
  const Difference difference =
      explain_difference(world_, std::vector<Seen>{{packet, kPod1}}, outcomes);
  EXPECT_EQ(difference.nearest_outcome, 2U);
  ASSERT_EQ(difference.parts.size(), 1U);
  EXPECT_EQ(difference.parts[0].kind, Kind::kTtl);
}

TEST_F(Explain, ListsTheEndpointsThatWerePermitted) {
  Outcome first = outcome_of(permitted(kPod1, request().build()));
  first.endpoint = *SocketAddress::parse("10.180.0.1:80");
  Outcome second = outcome_of(
      permitted(kPod2, PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.2:80").syn().ttl(63).build()));
  second.endpoint = *SocketAddress::parse("10.180.0.2:80");
  const Bytes seen = PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.3:80").syn().ttl(63).build();
  const auto told = parts({{seen, kPod1}}, {first, second});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].text,
            "destination address 10.180.0.3, expected 10.180.0.1 (endpoints permitted: "
            "10.180.0.1:80, 10.180.0.2:80)");
}

TEST_F(Explain, NamesAMissingEmissionAmongSeveral) {
  Outcome outcome = outcome_of(permitted(kPod1, request().build()));
  outcome.emissions.push_back(permitted(kPod2, request().build()));
  const auto told = parts({{request().build(), kPod1}}, {outcome});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kMissingEmission);
}

TEST_F(Explain, NamesAnUnexpectedEmission) {
  const auto told = parts({{request().build(), kPod1}, {request().build(), kPod2}},
                          {outcome_of(permitted(kPod1, request().build()))});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kUnexpectedEmission);
}

TEST_F(Explain, TellsTheRangeThatAPickedPortMissed) {
  const auto from = [](std::string_view source) {
    return PacketBuilder::tcp(source, "10.180.0.1:80").syn().build();
  };
  const Bytes seen = from("192.168.0.2:80");
  const auto told =
      parts({{seen, kUplink}},
            {outcome_of(with_free_port(permitted(kUplink, from("192.168.0.2:0")), 1024, 65535))});
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kSourcePortRange);
  EXPECT_EQ(told[0].text, "source port 80 (0x0050), netfilter picks one of 1024 to 65535");
}

TEST_F(Explain, LooksIntoWhatAnIcmpErrorQuotes) {
  Bytes seen = rejection();
  seen[28 + 20 + 3] ^= 1;  // the quoted destination port
  const auto told = parts(seen, rejection());
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0].kind, Kind::kQuoted);
  EXPECT_EQ(told[0].text, "quoted destination port 81 (0x0051), expected 80 (0x0050)");
}

TEST_F(Explain, SaysWhereAPayloadDiffers) {
  const auto with_payload = [](std::string_view text) {
    return PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53").payload(text).build();
  };
  const auto told = parts(with_payload("abcX"), with_payload("abcd"));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, Kind::kPayload);
  EXPECT_EQ(told[0].text, "payload differs from byte 3 on: 0x58, expected 0x64");
}

TEST_F(Explain, NamesAnotherProtocolAndNotItsFields) {
  const auto told = parts(PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:80").ttl(63).build(),
                          PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.1:80").ttl(63).build());
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0].text, "protocol UDP, expected TCP");
}

}  // namespace
}  // namespace kubeproof
