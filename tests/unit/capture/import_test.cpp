// What becomes of single frames: the ingress, what is set aside, what is completed and cut.
#include "model/packet/checksum.h"
#include "tests/unit/capture/capture_fixture.h"

namespace kubeproof {
namespace {

class ImportTest : public CaptureTest {
 protected:
  std::vector<CapturedPacket> import_raw(const std::vector<Bytes>& packets) {
    std::vector<TestFrame> frames;
    for (const Bytes& packet : packets) frames.push_back({microseconds(frames.size()), packet});
    return import({write_capture("raw.pcap", DLT_RAW, frames)});
  }
};

const PacketBuilder kUdp = PacketBuilder::udp("203.0.113.9:7", "10.96.0.10:53").payload("abc");

TEST_F(ImportTest, PacketsEnterWhereTheirSourceIs) {
  const auto packets = import_raw({PacketBuilder::udp("203.0.113.9:7", "10.96.0.10:53").build(),
                                   PacketBuilder::udp("10.180.0.1:7", "10.96.0.10:53").build(),
                                   PacketBuilder::udp("192.168.0.2:7", "10.96.0.10:53").build(),
                                   PacketBuilder::udp("[fd00:180::1]:7", "[fd96::a]:53").build()});
  ASSERT_EQ(packets.size(), 4U);
  EXPECT_EQ(packets[0].ingress, Ingress{kEth0});
  EXPECT_EQ(packets[1].ingress, Ingress{kVeth1});
  EXPECT_TRUE(packets[2].ingress.is_host());
  EXPECT_EQ(packets[3].ingress, Ingress{kVeth1});
}

TEST_F(ImportTest, RawPacketsAreNeverMerged) {
  const Bytes packet = PacketBuilder(kUdp).build();
  const auto packets = import_raw({packet, packet});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_FALSE(packets[0].departures_complete);
  EXPECT_EQ(packets[1].place.frame, 2U);
}

TEST_F(ImportTest, OneFileWithDirectionsShowsFates) {
  const std::string raw = write_capture("raw.pcap", DLT_RAW, {});
  const std::string ethernet = write_capture("ethernet.pcap", DLT_EN10MB, {});
  EXPECT_FALSE(CaptureImport::open({raw}, world_)->shows_fates());
  EXPECT_TRUE(CaptureImport::open({raw, ethernet}, world_)->shows_fates());
}

TEST_F(ImportTest, LinkPaddingIsNoPartOfAPacket) {
  const auto packets = import_raw({PacketBuilder(kUdp).trailer(15).build()});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, PacketBuilder(kUdp).build());
}

TEST_F(ImportTest, VlanTagsAreCounted) {
  const Bytes packet = PacketBuilder(kUdp).build();
  Bytes tagged = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 5, 0x08, 0};
  const std::string file = write_capture(
      "vlan.pcap", DLT_EN10MB,
      {{microseconds(0), ethernet(1, 2, packet)}, {microseconds(1), concatenate(tagged, packet)}});
  const auto packets = import({file});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[1].packet, packet);
  EXPECT_EQ(count(ImportNote::kVlanTag), 1U);
  EXPECT_EQ(summary_[ImportNote::kVlanTag].first, (FramePlace{0, 2}));
}

TEST_F(ImportTest, CutPacketsAreCounted) {
  const Bytes packet = PacketBuilder(kUdp).payload_size(500).build();
  const auto size = static_cast<uint32_t>(packet.size());
  const Bytes start(packet.begin(), packet.begin() + 96);
  const std::string file = write_capture(
      "cut.pcap", DLT_RAW, {{microseconds(0), packet}, {microseconds(1), start, size}});
  EXPECT_EQ(import({file}).size(), 1U);
  EXPECT_EQ(count(ImportNote::kCutBySnapLength), 1U);
  EXPECT_EQ(summary_[ImportNote::kCutBySnapLength].first, (FramePlace{0, 2}));
}

TEST_F(ImportTest, PacketsLoggedInPartAreCut) {
  const Bytes packet = PacketBuilder(kUdp).payload_size(500).build();
  const std::string file = write_capture(
      "log.pcap", DLT_NFLOG, {{microseconds(0), logged_output(ByteView(packet).first(96))}});
  EXPECT_TRUE(import({file}).empty());
  EXPECT_EQ(count(ImportNote::kCutBySnapLength), 1U);
}

TEST_F(ImportTest, ACutTrailerDoesNotMatter) {
  const Bytes packet = PacketBuilder(kUdp).build();
  const std::string file = write_capture("padding.pcap", DLT_RAW, {{microseconds(0), packet, 60}});
  EXPECT_EQ(import({file}).size(), 1U);
}

TEST_F(ImportTest, WhatIsNotIpIsCounted) {
  Bytes arp = ethernet(1, 2, Bytes(28, 0));
  arp[12] = 0x08;
  arp[13] = 0x06;
  const std::string file = write_capture("arp.pcap", DLT_EN10MB, {{microseconds(0), arp}});
  EXPECT_TRUE(import({file}).empty());
  EXPECT_EQ(count(ImportNote::kNotIp), 1U);
}

TEST_F(ImportTest, MalformedPacketsAreCountedAndTheImportGoesOn) {
  Bytes malformed = PacketBuilder(kUdp).build();
  malformed[0] = 0x43;
  EXPECT_EQ(import_raw({malformed, PacketBuilder(kUdp).build()}).size(), 1U);
  EXPECT_EQ(count(ImportNote::kMalformedHeader), 1U);
}

// Whereas one that enters so is the node's to drop.
TEST_F(ImportTest, NoStackSendsAWrongHeaderChecksum) {
  Bytes damaged = PacketBuilder(kUdp).build();
  damaged[10] ^= 0xff;
  const auto packets = import_any({{microseconds(0), cooked_v2(kOutgoing, kEth0, damaged)},
                                   {microseconds(9), cooked_v2(kToUs, kEth0, damaged)}});
  EXPECT_EQ(packets.size(), 1U);
  EXPECT_EQ(count(ImportNote::kMalformedHeader), 1U);
}

TEST_F(ImportTest, TrafficOfTheStackItselfIsSetAside) {
  EXPECT_TRUE(import_raw({PacketBuilder::icmp("fe80::1", "ff02::1:ff00:1", 135, 0).build(),
                          PacketBuilder::icmp("fe80::1", "ff02::2", 133, 0).build(),
                          PacketBuilder::icmp("fe80::1", "ff02::16", 143, 0).extension(0).build(),
                          PacketBuilder::icmp("192.168.0.1", "192.168.0.2", 5, 1).build(),
                          PacketBuilder::ip("192.168.0.1", "224.0.0.22", 2).payload("x").build()})
                  .empty());
  EXPECT_EQ(count(ImportNote::kStackTraffic), 5U);
}

TEST_F(ImportTest, EchoAndErrorsAreNotTheStacks) {
  EXPECT_EQ(import_raw({PacketBuilder::icmp_echo("fd00::9", "fd96::a", 1).build(),
                        PacketBuilder::icmp("203.0.113.9", "192.168.0.2", 3, 3).build()})
                .size(),
            2U);
}

TEST_F(ImportTest, FragmentsAreImportedAsTheyAre) {
  const auto fragments = PacketBuilder(kUdp).payload_size(99).build_fragments(48);
  const auto packets = import_raw(fragments);
  ASSERT_EQ(packets.size(), fragments.size());
  for (size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(packets[i].packet, fragments[i]);
  EXPECT_EQ(count(ImportNote::kFragment), fragments.size());
}

TEST_F(ImportTest, LoopbackSightingsAreSetAside) {
  EXPECT_TRUE(import_any({{microseconds(0), cooked_v2(kToUs, 1, PacketBuilder(kUdp).build(), 772)}})
                  .empty());
  EXPECT_EQ(count(ImportNote::kLoopback), 1U);
}

TEST_F(ImportTest, PartialChecksumsAreCompleted) {
  const auto packets = import_raw({PacketBuilder(kUdp).partial_checksum().build()});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, PacketBuilder(kUdp).build());
  EXPECT_EQ(count(ImportNote::kPartialChecksum), 1U);
}

TEST_F(ImportTest, WrongChecksumsStayWrong) {
  const Bytes packet = PacketBuilder(kUdp).bad_transport_checksum().build();
  EXPECT_EQ(import_raw({packet}).at(0).packet, packet);
  EXPECT_EQ(count(ImportNote::kPartialChecksum), 0U);
}

TEST_F(ImportTest, FramesOfSeveralSegmentsAreCutToTheMtu) {
  const auto packets = import_raw({PacketBuilder::tcp("203.0.113.9:7", "10.96.0.10:80")
                                       .ack(1)
                                       .psh()
                                       .payload_size(4000)
                                       .partial_checksum()
                                       .build()});
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[0].packet.size(), 1500U);
  EXPECT_EQ(packets[1].packet.size(), 1500U);
  EXPECT_EQ(packets[2].packet.size(), 40U + 4000 - 2 * 1460);
  for (const CapturedPacket& packet : packets) {
    EXPECT_EQ(check_checksums(packet.packet).transport, ChecksumState::kRight);
    EXPECT_EQ(packet.place.frame, 1U);
  }
  EXPECT_EQ(count(ImportNote::kSegmented), 1U);
  EXPECT_EQ(count(ImportNote::kPartialChecksum), 1U);
}

TEST_F(ImportTest, TheMtuIsThatOfTheIngress) {
  world_.interfaces[2].mtu = 9000;
  EXPECT_EQ(
      import_raw(
          {PacketBuilder::tcp("10.180.0.1:7", "10.96.0.10:80").ack(1).payload_size(3000).build()})
          .size(),
      1U);
}

TEST_F(ImportTest, JumboSegmentsAreCutToWhatEnginesTake) {
  world_.interfaces[2].mtu = 9000;
  const auto packets = import_raw(
      {PacketBuilder::tcp("10.180.0.1:7", "10.96.0.10:80").ack(1).payload_size(8000).build()});
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[0].packet.size(), kLongestPacket);
  EXPECT_EQ(packets[2].packet.size(), 40U + 8000 - 2 * (kLongestPacket - 40));
  EXPECT_EQ(count(ImportNote::kSegmented), 1U);
}

TEST_F(ImportTest, OtherPacketsThatNoEngineTakesAreSetAside) {
  world_.interfaces[2].mtu = 9000;
  EXPECT_TRUE(import_raw({PacketBuilder::udp("10.180.0.1:7", "10.96.0.10:53")
                              .payload_size(kLongestPacket - 27)
                              .build()})
                  .empty());
  EXPECT_EQ(count(ImportNote::kTooLarge), 1U);
}

TEST_F(ImportTest, LargeDatagramsHaveUnknownSegments) {
  EXPECT_TRUE(import_raw({PacketBuilder(kUdp).payload_size(4000).build()}).empty());
  EXPECT_EQ(count(ImportNote::kUnknownSegments), 1U);
}

TEST_F(ImportTest, ProcessesMaySendLargeDatagrams) {
  const Bytes packet =
      PacketBuilder::udp("192.168.0.2:7", "10.96.0.10:53").payload_size(3000).build();
  const std::string file =
      write_capture("log.pcap", DLT_NFLOG, {{microseconds(0), logged_output(packet)}});
  const auto packets = import({file});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, packet);
}

TEST_F(ImportTest, ADamagedFileIsReadUpToTheDamage) {
  const std::string file = write_capture("whole.pcap", DLT_RAW,
                                         {{microseconds(0), PacketBuilder(kUdp).build()},
                                          {microseconds(1), PacketBuilder(kUdp).build()}});
  Bytes bytes = read_file(file);
  bytes.resize(bytes.size() - 5);
  write_file(file, bytes);
  EXPECT_EQ(import({file}).size(), 1U);
  EXPECT_EQ(count(ImportNote::kFileDamage), 1U);
  ASSERT_EQ(summary_.damage().size(), 1U);
  EXPECT_NE(summary_.damage()[0].find("whole.pcap: after frame 1: truncated"), std::string::npos)
      << summary_.damage()[0];
}

TEST_F(ImportTest, TheSummaryHasALineForEachKind) {
  Bytes malformed = PacketBuilder(kUdp).build();
  malformed[0] = 0x43;
  import_raw({PacketBuilder(kUdp).build(), malformed, malformed});
  EXPECT_EQ(summary_.frames, 3U);
  EXPECT_EQ(summary_.packets, 1U);
  EXPECT_EQ(
      summary_.lines({"raw.pcap"}),
      std::vector<std::string>{"2 packets with malformed IP headers (first: raw.pcap frame 2)"});
}

TEST_F(ImportTest, AFileThatCannotBeReadIsAnError) {
  const auto opened = CaptureImport::open({path("none.pcap")}, world_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::kBadInput);
}

}  // namespace
}  // namespace kubeproof
