// What the stack says of packets that it refuses, when it says it late: other packets have come in
// meanwhile.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

class StackRefusalProgram : public ProgramTest {
 protected:
  Ran refused(const PacketBuilder& packet) { return ingress(kEth0, PacketBuilder(packet).ttl(1)); }

  // Of the node's stack, about what the program at ingress has left of it.
  Ran error_about(const Ran& packet) {
    const Family family = packet.view().family;
    const auto from = *IpAddress::parse(family == Family::kIpv4 ? "192.168.0.2" : "2001:db8::2");
    return egress_of_host(kEth0,
                          *make_icmp_error(packet.packet, IcmpError::time_exceeded(family), from));
  }

  static std::string quoted_flow(const Ran& error) {
    const auto quoted = ByteView(error.packet).subspan(error.view().transport_offset + size_t{8});
    const auto view = *parse_packet(quoted);
    return fmt::format("{} > {}", view.source_endpoint().to_string(),
                       view.destination_endpoint().to_string());
  }
};

PacketBuilder datagram(uint32_t number) {
  return PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080")
      .payload("x")
      .identification(number);
}

PacketBuilder datagram6() {
  return PacketBuilder::udp("[2001:db8:c::7]:4000", "[2001:db8::2]:30080").payload("x");
}

constexpr std::string_view kSent = "203.0.113.7:4000 > 192.168.0.2:30080";

TEST_F(StackRefusalProgram, ErrorsAboutSeveralPacketsInARowAreAllTranslated) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7", "10.180.1.8", "10.180.1.9"});
  std::vector<Ran> packets;
  for (uint32_t number = 1; number <= 8; ++number) packets.push_back(refused(datagram(number)));
  for (const Ran& packet : packets) {
    EXPECT_NE(packet.flow(), kSent);
    const Ran error = error_about(packet);
    EXPECT_EQ(error.record.reason, abi::REASON_RELATED);
    EXPECT_EQ(quoted_flow(error), kSent);
    const ChecksumReport sums = check_checksums(error.packet);
    EXPECT_EQ(sums.ip_header, ChecksumState::kRight);
    EXPECT_EQ(sums.transport, ChecksumState::kRight);
    EXPECT_EQ(sums.quoted_transport, ChecksumState::kRight);
  }
}

TEST_F(StackRefusalProgram, InIpv6NothingTellsThemApart) {
  serve(Family::kIpv6, kUdp, {"fd00:180:1::7"});
  std::vector<Ran> packets;
  for (int i = 0; i < 4; ++i) packets.push_back(refused(datagram6()));
  for (const Ran& packet : packets) {
    EXPECT_EQ(quoted_flow(error_about(packet)), "[2001:db8:c::7]:4000 > [2001:db8::2]:30080");
  }
  EXPECT_EQ(error_about(packets.back()).record.reason, abi::PASS_RELATED_UNKNOWN)
      << "all of them have been spoken of";
}

TEST_F(StackRefusalProgram, AnErrorMayWaitForItsNeighbour) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const Ran packet = refused(datagram(1));
  advance(std::chrono::seconds(3));
  ingress(kEth0, PacketBuilder::udp("203.0.113.8:53", "192.168.0.2:53").payload("y"));
  EXPECT_EQ(quoted_flow(error_about(packet)), kSent);
}

TEST_F(StackRefusalProgram, ItDoesNotWaitLonger) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const Ran packet = refused(datagram(1));
  ingress(kEth0, PacketBuilder::udp("203.0.113.8:53", "192.168.0.2:53").payload("y"));
  advance(std::chrono::seconds(5));
  EXPECT_EQ(error_about(packet).record.reason, abi::PASS_RELATED_UNKNOWN);
}

// netfilter knows no flow of that packet any more.
TEST_F(StackRefusalProgram, WhatAProcessSaysOfThePacketThenIsNotTranslated) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const Ran packet = refused(datagram(1));
  EXPECT_EQ(quoted_flow(error_about(packet)), kSent);
  const Ran again = error_about(packet);
  EXPECT_EQ(again.record.reason, abi::PASS_RELATED_UNKNOWN);
  EXPECT_EQ(quoted_flow(again), packet.flow());
}

TEST_F(StackRefusalProgram, AnotherPacketOfTheSameAddressesIsAnother) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  refused(datagram(1));
  const Ran packet = refused(datagram(2));
  ingress(kEth0, PacketBuilder::udp("203.0.113.8:53", "192.168.0.2:53").payload("y"));
  Ran older = packet;
  older.packet = PacketBuilder::udp("203.0.113.7:4000", "10.180.1.7:8080")
                     .payload("x")
                     .ttl(1)
                     .identification(3)
                     .build();
  EXPECT_EQ(error_about(older).record.reason, abi::PASS_RELATED_UNKNOWN);
  EXPECT_EQ(quoted_flow(error_about(packet)), kSent);
}

}  // namespace
}  // namespace kubeproof::control
