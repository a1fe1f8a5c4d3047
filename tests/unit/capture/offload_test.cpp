#include "replay/capture/offload.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

const Bytes kTimestamp = {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2};

PacketBuilder large(std::string_view from, std::string_view to) {
  return PacketBuilder::tcp(from, to)
      .seq(0xfffffff0)
      .ack(7)
      .tcp_options(kTimestamp)
      .identification(65535);
}

TEST(CutSegments, AreAsOffloadWouldSendThem) {
  for (const auto& [from, to] :
       {std::pair("10.0.0.1:4000", "10.0.0.2:80"), std::pair("[fd00::1]:4000", "[fd00::2]:80")}) {
    const Bytes whole =
        large(from, to).psh().fin().cwr().payload("abcdefgh").partial_checksum().build();
    const std::vector<uint32_t> cuts = {3, 6};
    const auto segments = cut_segments(whole, *parse_packet(whole), cuts);
    ASSERT_EQ(segments.size(), 3U);
    EXPECT_EQ(segments[0], large(from, to).cwr().payload("abc").build());
    EXPECT_EQ(segments[1],
              large(from, to).seq(0xfffffff3).identification(0).payload("def").build());
    EXPECT_EQ(segments[2],
              large(from, to).seq(0xfffffff6).identification(1).psh().fin().payload("gh").build());
  }
}

TEST(CutSegments, KeepExtensionHeaders) {
  const Bytes whole =
      PacketBuilder::tcp("[fd00::1]:1", "[fd00::2]:2").extension(60).payload("abcd").build();
  const std::vector<uint32_t> cuts = {2};
  for (const Bytes& segment : cut_segments(whole, *parse_packet(whole), cuts)) {
    EXPECT_EQ(parse_packet(segment)->transport_offset, 48);
    EXPECT_EQ(check_checksums(segment).transport, ChecksumState::kRight);
  }
}

TEST(SegmentPayloadSize, LeavesRoomForTheHeaders) {
  const Bytes packet = large("10.0.0.1:4000", "10.0.0.2:80").build();
  EXPECT_EQ(segment_payload_size(packet, *parse_packet(packet), 1500), 1448U);
}

TEST(TcpPayloadSize, IsKnownOnlyOfWholeTcpPackets) {
  const auto size_of = [](const Bytes& packet) {
    return tcp_payload_size(packet, *parse_packet(packet));
  };
  EXPECT_EQ(size_of(large("10.0.0.1:1", "10.0.0.2:2").payload("abc").build()), 3U);
  EXPECT_FALSE(size_of(PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").payload("abc").build()));
  Bytes broken = PacketBuilder::tcp("10.0.0.1:1", "10.0.0.2:2").build();
  broken[32] = 0xf0;  // a header of 60 bytes
  EXPECT_FALSE(size_of(broken));
  broken[32] = 0x40;
  EXPECT_FALSE(size_of(broken));
}

TEST(CompleteChecksum, CompletesOnlyPartialOnes) {
  PacketBuilder builder = PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").payload("abc");
  const Bytes right = builder.build();
  const auto view = *parse_packet(right);
  Bytes packet = builder.partial_checksum().build();
  EXPECT_TRUE(complete_checksum(packet, view));
  EXPECT_EQ(packet, right);
  EXPECT_FALSE(complete_checksum(packet, view));
  Bytes wrong = builder.bad_transport_checksum().build();
  EXPECT_FALSE(complete_checksum(wrong, view));
  EXPECT_EQ(wrong, builder.build());
}

TEST(CompleteChecksum, CompletesThatOfAQuotedPacket) {
  PacketBuilder offending = PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").payload("abc");
  const IpAddress node = *IpAddress::parse("10.0.0.9");
  const IcmpError error = IcmpError::time_exceeded(Family::kIpv4);
  const Bytes right = *make_icmp_error(offending.build(), error, node);
  Bytes packet = *make_icmp_error(offending.partial_checksum().build(), error, node);
  ASSERT_NE(packet, right);
  EXPECT_TRUE(complete_checksum(packet, *parse_packet(packet)));
  EXPECT_EQ(packet, right);
}

TEST(CompleteChecksum, LeavesACompleteOneThatLooksPartial) {
  for (uint32_t word = 0; word <= UINT16_MAX; ++word) {
    Bytes payload(2);
    store16(payload, 0, static_cast<uint16_t>(word));
    const Bytes right = PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").payload(payload).build();
    const auto view = *parse_packet(right);
    if (!has_partial_checksum(right, view)) continue;
    Bytes packet = right;
    EXPECT_FALSE(complete_checksum(packet, view));
    EXPECT_EQ(packet, right);
    return;
  }
  FAIL() << "no payload makes the checksum that of the pseudo header";
}

TEST(CompleteChecksum, KeepsAnAbsentOne) {
  Bytes packet = PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").no_checksum().build();
  EXPECT_FALSE(complete_checksum(packet, *parse_packet(packet)));
}

}  // namespace
}  // namespace kubeproof
