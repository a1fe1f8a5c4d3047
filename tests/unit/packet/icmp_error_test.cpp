#include "model/packet/icmp_error.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

const IpAddress kNode4 = *IpAddress::parse("192.168.0.2");
const IpAddress kNode6 = *IpAddress::parse("2001:db8::2");

std::optional<Bytes> time_exceeded(const Bytes& offending) {
  const bool v4 = offending[0] >> 4 == 4;
  return make_icmp_error(offending, IcmpError::time_exceeded(v4 ? Family::kIpv4 : Family::kIpv6),
                         v4 ? kNode4 : kNode6);
}

TEST(MakeIcmpError, QuotesTheOffendingPacketBackToItsSource) {
  const Bytes offending = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload("abc").build();
  const auto error = make_icmp_error(offending, IcmpError::port_unreachable(Family::kIpv4), kNode4);
  ASSERT_TRUE(error);
  PacketBuilder expected = PacketBuilder::icmp("192.168.0.2", "10.0.0.1", 3, 3);
  expected.tos(0xc0).identification(0).dont_fragment(false).payload(offending);
  EXPECT_EQ(*error, expected.build());
}

TEST(MakeIcmpError, CarriesTheMtu) {
  const Bytes offending = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").build();
  const auto error =
      make_icmp_error(offending, IcmpError::packet_too_big(Family::kIpv6, 1400), kNode6);
  ASSERT_TRUE(error);
  EXPECT_EQ(*error,
            PacketBuilder::icmp("2001:db8::2", "fd00::1", 2, 0, 1400).payload(offending).build());
}

TEST(MakeIcmpError, QuotesNoMoreThanTheLimits) {
  EXPECT_EQ(time_exceeded(PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload_size(1400).build())
                ->size(),
            576U);
  EXPECT_EQ(
      time_exceeded(PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").payload_size(1400).build())
          ->size(),
      1280U);
}

TEST(MakeIcmpError, LeavesOutLinkPadding) {
  PacketBuilder builder = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8");
  const auto without = time_exceeded(builder.build());
  EXPECT_EQ(time_exceeded(builder.trailer(18).build()), without);
}

TEST(MakeIcmpError, AnswersQueriesButNoErrors) {
  EXPECT_TRUE(time_exceeded(PacketBuilder::icmp_echo("10.0.0.1", "10.0.0.2", 1).build()));
  EXPECT_TRUE(time_exceeded(PacketBuilder::icmp_echo("fd00::1", "fd00::2", 1).build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::icmp("10.0.0.1", "10.0.0.2", 3, 1).build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::icmp("10.0.0.1", "10.0.0.2", 5, 1).build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::icmp("10.0.0.1", "10.0.0.2", 9, 0).build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::icmp("10.0.0.1", "10.0.0.2", 42, 0).build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::icmp("fd00::1", "fd00::2", 1, 4).build()));
}

TEST(MakeIcmpError, AnswersLaterFragmentsOnlyInIpv6) {
  const auto second = [](PacketBuilder builder) {
    return builder.payload_size(99).build_fragments(48)[1];
  };
  EXPECT_FALSE(time_exceeded(second(PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8"))));
  EXPECT_TRUE(time_exceeded(second(PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8"))));
}

TEST(MakeIcmpError, AnswersNobodyInParticularWithSilence) {
  EXPECT_FALSE(time_exceeded(PacketBuilder::udp("10.0.0.1:7", "224.0.0.9:8").build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::udp("10.0.0.1:7", "255.255.255.255:8").build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::udp("[::]:7", "[fd00::2]:8").build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::udp("[ff05::2]:7", "[fd00::2]:8").build()));
  EXPECT_FALSE(time_exceeded(PacketBuilder::udp("[fd00::1]:7", "[ff05::2]:8").build()));
}

// __icmp_send() asks the route of the offending packet alone, which is that to its destination.
TEST(MakeIcmpError, AnswersEveryIpv4Source) {
  for (const char* source : {"0.0.0.0:7", "224.0.0.9:7", "255.255.255.255:7"}) {
    EXPECT_TRUE(time_exceeded(PacketBuilder::udp(source, "10.0.0.2:8").build())) << source;
  }
}

TEST(MakeIcmpError, TellsEvenMulticastSendersThatTheirPacketIsTooBig) {
  EXPECT_TRUE(make_icmp_error(PacketBuilder::udp("[fd00::1]:7", "[ff05::2]:8").build(),
                              IcmpError::packet_too_big(Family::kIpv6, 1280), kNode6));
}

TEST(RejectAnswers, OnlyWhereTheChecksumIsRight) {
  PacketBuilder udp = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8");
  EXPECT_TRUE(reject_answers(udp.build()));
  EXPECT_TRUE(reject_answers(udp.bad_header_checksum().build()));
  EXPECT_FALSE(reject_answers(udp.bad_header_checksum().build(), true));
  EXPECT_FALSE(reject_answers(udp.bad_transport_checksum().build()));
  EXPECT_TRUE(reject_answers(udp.no_checksum().build()));
  EXPECT_TRUE(reject_answers(
      PacketBuilder::sctp("10.0.0.1:7", "10.0.0.2:8").bad_transport_checksum().build()));
}

TEST(RejectAnswers, NoLaterFragments) {
  for (const char* to : {"10.0.0.2:8", "[fd00::2]:8"}) {
    const char* from = to[0] == '[' ? "[fd00::1]:7" : "10.0.0.1:7";
    EXPECT_FALSE(
        reject_answers(PacketBuilder::udp(from, to).payload_size(99).build_fragments(48)[1]));
  }
}

}  // namespace
}  // namespace kubeproof
