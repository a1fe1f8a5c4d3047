#include "replay/compare/match.h"

#include <gtest/gtest.h>

#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

Bytes request() {
  return PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53").ttl(63).build();
}

size_t count_matches(const std::vector<Seen>& seen, const std::vector<Outcome>& outcomes,
                     Visibility visibility = Visibility::kEverything) {
  return Matcher().match(seen, outcomes, visibility).size();
}

TEST(Match, AgreesOnTheSamePacketAtTheSamePlace) {
  EXPECT_EQ(count_matches({{request(), kPod1}}, {outcome_of(permitted(kPod1, request()))}), 1U);
}

TEST(Match, RefusesTheSamePacketAtAnotherPlace) {
  EXPECT_EQ(count_matches({{request(), kPod2}}, {outcome_of(permitted(kPod1, request()))}), 0U);
}

TEST(Match, LetsACaptureNotKnowThePlace) {
  EXPECT_EQ(count_matches({{request(), std::nullopt}}, {outcome_of(permitted(kPod1, request()))}),
            1U);
}

TEST(Match, RefusesAPacketThatDiffersInAnyByte) {
  const Bytes expected = request();
  for (size_t i = 0; i < expected.size(); ++i) {
    Bytes seen = expected;
    seen[i] ^= 1;
    EXPECT_EQ(count_matches({{seen, kPod1}}, {outcome_of(permitted(kPod1, expected))}), 0U) << i;
  }
}

TEST(Match, RefusesAPacketThatGoesOnOrEndsEarly) {
  Bytes longer = request();
  longer.push_back(0);
  EXPECT_EQ(count_matches({{longer, kPod1}}, {outcome_of(permitted(kPod1, request()))}), 0U);
  EXPECT_EQ(count_matches({{request(), kPod1}}, {outcome_of(permitted(kPod1, longer))}), 0U);
}

TEST(Match, TakesADropOnlyForADrop) {
  EXPECT_EQ(count_matches({}, {Outcome{}}), 1U);
  EXPECT_EQ(count_matches({{request(), kPod1}}, {Outcome{}}), 0U);
  EXPECT_EQ(count_matches({}, {outcome_of(permitted(kPod1, request()))}), 0U);
}

TEST(Match, TakesEveryOutcomeThatAgrees) {
  const auto same = outcome_of(permitted(kPod1, request()));
  Matcher matcher;
  const Bytes packet = request();
  const std::vector<Seen> seen = {{packet, kPod1}};
  const std::vector<Outcome> outcomes = {same, Outcome{}, same};
  const auto matches = matcher.match(seen, outcomes);
  ASSERT_EQ(matches.size(), 2U);
  EXPECT_EQ(matches[0].outcome, 0U);
  EXPECT_EQ(matches[1].outcome, 2U);
}

TEST(Match, IsBlindToTheOrderOfEmissions) {
  const Bytes other = PacketBuilder::udp("10.0.0.1:4000", "10.180.0.2:53").build();
  Outcome outcome = outcome_of(permitted(kPod1, request()));
  outcome.emissions.push_back(permitted(kPod2, other));
  EXPECT_EQ(count_matches({{other, kPod2}, {request(), kPod1}}, {outcome}), 1U);
}

TEST(Match, WantsEveryEmissionOnce) {
  Outcome twice = outcome_of(permitted(kPod1, request()));
  twice.emissions.push_back(permitted(kPod1, request()));
  EXPECT_EQ(count_matches({{request(), kPod1}}, {twice}), 0U);
  EXPECT_EQ(count_matches({{request(), kPod1}, {request(), kPod1}},
                          {outcome_of(permitted(kPod1, request()))}),
            0U);
}

TEST(Match, TakesAnyIdentificationOfAPacketThatTheNodeMade) {
  PermittedEmission made = permitted(kPod1, request());
  made.free_identification = true;
  const Bytes seen =
      PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53").ttl(63).identification(4711).build();
  EXPECT_EQ(count_matches({{seen, kPod1}}, {outcome_of(made)}), 1U);
  EXPECT_EQ(count_matches({{seen, kPod1}}, {outcome_of(permitted(kPod1, request()))}), 0U);
}

TEST(Match, WantsTheHeaderChecksumToFitTheFreeIdentification) {
  PermittedEmission made = permitted(kPod1, request());
  made.free_identification = true;
  const Bytes seen = PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53")
                         .ttl(63)
                         .identification(4711)
                         .bad_header_checksum()
                         .build();
  EXPECT_EQ(count_matches({{seen, kPod1}}, {outcome_of(made)}), 0U);
}

// A timestamp of its own in the header, or in the header that an error quotes.
Bytes stamped(uint32_t time) {
  Bytes options = {68, 8, 9, 0, 0, 0, 0, 0};
  store32(options, 4, time);
  return PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53").ttl(63).ip_options(options).build();
}

Bytes quoting(const Bytes& packet) {
  return PacketBuilder::icmp("192.168.0.2", "10.0.0.1", 3, 3).payload(packet).build();
}

TEST(Match, TakesAnyTimeThatTheKernelWrote) {
  PermittedEmission emission = permitted(kPod1, stamped(0));
  emission.clocks = {{.packet_offset = 24, .in_header_checksum = true}};
  const auto matches = [&](const Bytes& seen) {
    return count_matches({{seen, kPod1}}, {outcome_of(emission)});
  };
  EXPECT_EQ(matches(stamped(86'399'999)), 1U);
  EXPECT_EQ(matches(stamped(86'400'000)), 0U);  // no time of day
  Bytes unsummed = stamped(0);
  store32(unsummed, 24, 1000);
  EXPECT_EQ(matches(unsummed), 0U);
  emission.clocks[0].in_header_checksum = false;
  EXPECT_EQ(matches(unsummed), 1U);
  EXPECT_EQ(matches(stamped(1000)), 0U);
}

TEST(Match, TakesAnyTimeThatAnErrorQuotes) {
  PermittedEmission emission = permitted(kPod1, quoting(stamped(0)));
  emission.clocks = {{.packet_offset = 52, .in_header_checksum = true}};
  const auto matches = [&](const Bytes& seen) {
    return count_matches({{seen, kPod1}}, {outcome_of(emission)});
  };
  EXPECT_EQ(matches(quoting(stamped(1000))), 1U);
  Bytes unsummed = quoting(stamped(0));
  store32(unsummed, 52, 1000);
  EXPECT_EQ(matches(unsummed), 0U);
}

class FreePortMatch : public testing::Test {
 protected:
  static Outcome masqueraded(std::string_view to) {
    return outcome_of(with_free_port(
        permitted(kUplink, PacketBuilder::tcp("192.168.0.2:0", to).syn().build()), 1024, 65535));
  }
  static Bytes from_port(std::string_view from, std::string_view to) {
    return PacketBuilder::tcp(from, to).syn().build();
  }
};

TEST_F(FreePortMatch, TellsThePortThatWasPicked) {
  Matcher matcher;
  const Bytes packet = from_port("192.168.0.2:40000", "10.180.0.1:80");
  const std::vector<Seen> seen = {{packet, kUplink}};
  const std::vector<Outcome> outcomes = {masqueraded("10.180.0.1:80")};
  const auto matches = matcher.match(seen, outcomes);
  ASSERT_EQ(matches.size(), 1U);
  ASSERT_EQ(matches[0].ports.size(), 1U);
  EXPECT_EQ(matches[0].ports[0], 40000);
}

TEST_F(FreePortMatch, KeepsToTheRangeInclusively) {
  const std::vector<Outcome> outcomes = {masqueraded("10.180.0.1:80")};
  const auto matches = [&](std::string_view from) {
    return count_matches({{from_port(from, "10.180.0.1:80"), kUplink}}, outcomes);
  };
  EXPECT_EQ(matches("192.168.0.2:1023"), 0U);
  EXPECT_EQ(matches("192.168.0.2:1024"), 1U);
  EXPECT_EQ(matches("192.168.0.2:65535"), 1U);
}

TEST_F(FreePortMatch, WantsAChecksumThatFitsThePort) {
  const Bytes wrong = PacketBuilder::tcp("192.168.0.2:40000", "10.180.0.1:80")
                          .syn()
                          .bad_transport_checksum()
                          .build();
  EXPECT_EQ(count_matches({{wrong, kUplink}}, {masqueraded("10.180.0.1:80")}), 0U);
}

TEST_F(FreePortMatch, KeepsUdpWithoutChecksumWithout) {
  const auto with_port = [](std::string_view from) {
    return PacketBuilder::udp(from, "10.180.0.1:53").no_checksum().build();
  };
  const Outcome outcome =
      outcome_of(with_free_port(permitted(kUplink, with_port("192.168.0.2:0")), 1024, 65535));
  EXPECT_EQ(count_matches({{with_port("192.168.0.2:40000"), kUplink}}, {outcome}), 1U);
}

TEST_F(FreePortMatch, IsForTheIdentifierOfAnEchoToo) {
  const auto echo = [](uint16_t identifier) {
    return PacketBuilder::icmp_echo("192.168.0.2", "10.180.0.1", identifier).build();
  };
  PermittedEmission emission = permitted(kUplink, echo(0));
  emission.free_port = FreePort{24, 0, 65535};
  EXPECT_EQ(count_matches({{echo(777), kUplink}}, {outcome_of(emission)}), 1U);
}

TEST(DeparturesOnly, TakesADeliveryForADrop) {
  const Outcome delivery = outcome_of(permitted(Place::sockets(), request()));
  EXPECT_EQ(count_matches({}, {delivery}, Visibility::kDeparturesOnly), 1U);
  EXPECT_EQ(count_matches({}, {delivery}, Visibility::kEverything), 0U);
}

}  // namespace
}  // namespace kubeproof
