// Captures that nobody would send in good faith: whatever the bytes, the import ends, accounts for
// every frame, and gives only packets that parse.
#include <random>

#include "model/packet/checksum.h"
#include "tests/unit/capture/capture_fixture.h"

namespace kubeproof {
namespace {

constexpr std::array kLinkTypes = {DLT_EN10MB,    DLT_RAW,        DLT_IPV4, DLT_IPV6,
                                   DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_NFLOG};

class HostileTest : public CaptureTest {
 protected:
  void import_and_check(const std::vector<std::string>& files, const std::string& what) {
    for (const CapturedPacket& packet : import(files)) {
      const auto view = parse_packet(packet.packet);
      ASSERT_TRUE(view) << what;
      EXPECT_EQ(view->total_length, packet.packet.size()) << what;
      EXPECT_FALSE(has_partial_checksum(packet.packet, *view) &&
                   check_checksums(packet.packet).transport == ChecksumState::kWrong)
          << what;
    }
  }

  // Well-formed sightings of a few flows, wrapped for a link type.
  Bytes frame_of(int link_type, std::mt19937& random) {
    PacketBuilder builders[] = {
        PacketBuilder::tcp("203.0.113.9:4000", "10.96.0.10:80")
            .ack(7)
            .payload_size(random() % 5000),
        PacketBuilder::udp("192.168.0.2:7", "10.180.0.1:53").payload_size(random() % 3000),
        PacketBuilder::tcp("[fd00:180::1]:4000", "[fd96::a]:80").syn().extension(60),
        PacketBuilder::icmp("192.168.0.2", "203.0.113.9", 3, 3)
            .payload(PacketBuilder::udp("203.0.113.9:4000", "10.96.0.10:53").build()),
        PacketBuilder::sctp("10.180.0.1:7", "10.96.0.10:80"),
    };
    PacketBuilder& builder = builders[random() % std::size(builders)];
    if (random() % 3 == 0) builder.partial_checksum();
    builder.ttl(static_cast<uint8_t>(63 + random() % 2));
    Bytes packet = random() % 4 != 0 ? builder.build() : builder.build_fragments(800)[0];
    const auto way = static_cast<uint8_t>(random() % 5);
    switch (link_type) {
      case DLT_EN10MB:
        return ethernet(static_cast<uint8_t>(random() % 3), 1, packet);
      case DLT_LINUX_SLL:
        return cooked_v1(way, packet);
      case DLT_LINUX_SLL2:
        return cooked_v2(way, random() % 3, packet);
      case DLT_NFLOG:
        return nflog(static_cast<uint8_t>(random() % 4), packet);
      default:
        return packet;
    }
  }

  std::vector<TestFrame> frames_of(int link_type, std::mt19937& random, size_t count) {
    std::vector<TestFrame> frames;
    for (size_t i = 0; i < count; ++i) {
      TestFrame frame{microseconds(random() % 200000), frame_of(link_type, random)};
      for (uint32_t changes = random() % 4; changes > 0; --changes) {
        frame.bytes[random() % std::min<size_t>(frame.bytes.size(), 90)] =
            static_cast<uint8_t>(random());
      }
      frame.wire_length = static_cast<uint32_t>(frame.bytes.size());
      if (random() % 8 == 0) frame.bytes.resize(random() % frame.bytes.size());
      frames.push_back(std::move(frame));
    }
    return frames;
  }
};

TEST_F(HostileTest, RandomBytesInEveryLinkType) {
  std::mt19937 random(1);
  for (const int link_type : kLinkTypes) {
    std::vector<TestFrame> frames;
    for (size_t i = 0; i < 3000; ++i) {
      Bytes bytes(random() % 120);
      for (auto& byte : bytes) byte = static_cast<uint8_t>(random());
      frames.push_back({microseconds(i), bytes, 120});
    }
    import_and_check({write_capture("random.pcap", link_type, frames)}, "random");
    EXPECT_EQ(summary_.frames, frames.size());
  }
}

TEST_F(HostileTest, DamagedFramesInEveryLinkType) {
  std::mt19937 random(2);
  for (const int link_type : kLinkTypes) {
    for (int round = 0; round < 4; ++round) {
      import_and_check(
          {write_capture("damaged.pcap", link_type, frames_of(link_type, random, 1500))},
          std::to_string(link_type));
    }
  }
}

TEST_F(HostileTest, DamagedFramesInSeveralFiles) {
  std::mt19937 random(3);
  for (int round = 0; round < 5; ++round) {
    import_and_check(
        {write_capture("any.pcap", DLT_LINUX_SLL2, frames_of(DLT_LINUX_SLL2, random, 2000)),
         write_capture("log.pcap", DLT_NFLOG, frames_of(DLT_NFLOG, random, 2000)),
         write_capture("raw.pcap", DLT_RAW, frames_of(DLT_RAW, random, 500))},
        "several");
  }
}

TEST_F(HostileTest, AnAnyCaptureCutAtEveryLength) {
  std::mt19937 random(4);
  const Bytes whole =
      read_file(write_capture("any.pcap", DLT_LINUX_SLL2, frames_of(DLT_LINUX_SLL2, random, 6)));
  for (size_t size = 24; size < whole.size(); size += 1 + size / 100) {
    write_file(path("cut.pcap"), ByteView(whole).first(size));
    import_and_check({path("cut.pcap")}, std::to_string(size));
  }
}

TEST_F(HostileTest, DamagedFiles) {
  std::mt19937 random(5);
  const Bytes whole =
      read_file(write_capture("any.pcap", DLT_LINUX_SLL2, frames_of(DLT_LINUX_SLL2, random, 20)));
  for (int round = 0; round < 500; ++round) {
    Bytes damaged = whole;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
    write_file(path("damaged.pcap"), damaged);
    if (CaptureFile::open(path("damaged.pcap"))) import_and_check({path("damaged.pcap")}, "file");
  }
}

TEST_F(HostileTest, AClockThatStandsStillDoesNotHoldPacketsForever) {
  const Bytes frame =
      cooked_v2(kToUs, kEth0, PacketBuilder::udp("[2001:db8:9::9]:1", "[fd96::a]:53").build());
  const std::string file = write_capture("still.pcap", DLT_LINUX_SLL2,
                                         std::vector<TestFrame>(150000, {microseconds(7), frame}));
  auto opened = CaptureImport::open({file}, world_);
  CapturedPacket packet;
  ASSERT_TRUE(opened->next(packet));
  EXPECT_LT(opened->summary().frames, 140000U);
  while (opened->next(packet)) continue;
  EXPECT_EQ(opened->summary().packets, 150000U);
}

TEST_F(HostileTest, AClockThatJumpsLosesNoPacket) {
  std::mt19937_64 random(6);
  std::vector<TestFrame> frames;
  for (int i = 0; i < 2000; ++i) {
    frames.push_back({microseconds(random() % 4'000'000'000'000'000),
                      cooked_v2(kToUs, kEth0,
                                PacketBuilder::udp("203.0.113.9:1", "10.96.0.10:53")
                                    .identification(static_cast<uint32_t>(i))
                                    .build())});
  }
  EXPECT_EQ(import_any(frames).size(), frames.size());
}

}  // namespace
}  // namespace kubeproof
