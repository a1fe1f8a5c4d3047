// What the kernel writes into IPv4 options, refuses, and gives back. The expectations were seen on
// Linux 6.18; all of it is held to the running kernel by the oracle.
#include "model/node/ipv4_options.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

const IpAddress kRecorded = IpAddress::v4(0x0a000001);
constexpr uint32_t kOfOthers = 0x08080808;
constexpr Ipv4OptionNotes kNothingNoted;

Bytes packet_with(const Bytes& options) {
  return PacketBuilder::udp("192.0.2.1:7", "10.0.0.1:8").ip_options(options).build();
}

Ipv4OptionScene scene() {
  return {.recorded = kRecorded, .is_of_others = [](const IpAddress& address) {
            return address == IpAddress::v4(kOfOthers);
          }};
}

Bytes options_of(const Bytes& packet) {
  return Bytes(packet.begin() + 20, packet.end() - 8);
}

struct Reading {
  Bytes options;
  std::optional<size_t> problem;  // counted from the first option
  Ipv4OptionNotes notes;
};

Reading read(const Bytes& options) {
  Bytes packet = packet_with(options);
  Reading reading;
  reading.problem = read_ipv4_options(packet, scene(), reading.notes);
  if (reading.problem) *reading.problem -= 20;
  reading.options = options_of(packet);
  return reading;
}

TEST(Ipv4Options, BehindTheirEndAreCleared) {
  const auto cleared = [](const Bytes& options) {
    const Reading reading = read(options);
    return std::pair(reading.notes.changed, reading.options);
  };
  EXPECT_EQ(cleared({0, 1, 2, 3}), std::pair(true, Bytes{0, 0, 0, 0}));
  EXPECT_EQ(cleared({1, 0, 7, 0}), std::pair(true, Bytes{1, 0, 0, 0}));
  EXPECT_EQ(cleared({0x94, 4, 0, 0, 0, 0, 0, 9}),
            std::pair(true, Bytes{0x94, 4, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(cleared({1, 1, 1, 0}), std::pair(false, Bytes{1, 1, 1, 0}));
  EXPECT_EQ(cleared({1, 1, 1, 1}), std::pair(false, Bytes{1, 1, 1, 1}));
  // Nobody gets to the end behind one that is wrong.
  EXPECT_EQ(cleared({0x5e, 1, 0, 9}), std::pair(false, Bytes{0x5e, 1, 0, 9}));
  EXPECT_EQ(cleared({0x94, 3, 0, 0, 9, 9, 9, 9}),
            std::pair(false, Bytes{0x94, 3, 0, 0, 9, 9, 9, 9}));
}

TEST(Ipv4Options, RecordTheRouteWhereThereIsRoom) {
  EXPECT_EQ(read({7, 7, 4, 0, 0, 0, 0, 0}).options, (Bytes{7, 7, 8, 10, 0, 0, 1, 0}));
  EXPECT_TRUE(read({7, 7, 4, 0, 0, 0, 0, 0}).notes.records_route);
  const Reading full = read({7, 7, 8, 9, 9, 9, 9, 0});
  EXPECT_EQ(full.options, (Bytes{7, 7, 8, 9, 9, 9, 9, 0}));
  EXPECT_FALSE(full.notes.changed);
  EXPECT_EQ(full.notes.record_route, 20);
}

TEST(Ipv4Options, RecordTheTime) {
  const Reading time = read({68, 8, 5, 0, 9, 9, 9, 9});
  EXPECT_EQ(time.options, (Bytes{68, 8, 9, 0, 0, 0, 0, 0}));
  EXPECT_EQ(time.notes.clock_at, 24);
  const Reading both = read({68, 12, 5, 1, 9, 9, 9, 9, 9, 9, 9, 9});
  EXPECT_EQ(both.options, (Bytes{68, 12, 13, 1, 10, 0, 0, 1, 0, 0, 0, 0}));
  EXPECT_EQ(both.notes.clock_at, 28);
}

TEST(Ipv4Options, RecordTheTimeForAnAddressThatIsNotOthers) {
  const Reading own = read({68, 12, 5, 3, 10, 0, 0, 1, 9, 9, 9, 9});
  EXPECT_EQ(own.options, (Bytes{68, 12, 13, 3, 10, 0, 0, 1, 0, 0, 0, 0}));
  const Reading others = read({68, 12, 5, 3, 8, 8, 8, 8, 9, 9, 9, 9});
  EXPECT_EQ(others.options, (Bytes{68, 12, 5, 3, 8, 8, 8, 8, 9, 9, 9, 9}));
  EXPECT_FALSE(others.notes.clock_at);
}

TEST(Ipv4Options, CountThoseWhoFoundNoRoomForTheTime) {
  EXPECT_EQ(read({68, 8, 9, 0x20, 9, 9, 9, 9}).options, (Bytes{68, 8, 9, 0x30, 9, 9, 9, 9}));
  EXPECT_EQ(read({68, 8, 9, 0xf0, 9, 9, 9, 9}).problem, 3);
  EXPECT_EQ(read({68, 12, 13, 0xf3, 9, 9, 9, 9, 9, 9, 9, 9}).problem, std::nullopt);
}

TEST(Ipv4Options, AreRefusedWhereTheyAreWrong) {
  EXPECT_EQ(read({1, 1, 1, 0x99}).problem, 3);  // no length
  EXPECT_EQ(read({0x99, 9, 0, 0}).problem, 0);  // runs past the end
  EXPECT_EQ(read({148, 3, 0, 0}).problem, 1);
  EXPECT_EQ(read({7, 2, 4, 0}).problem, 1);
  EXPECT_EQ(read({7, 7, 3, 0, 0, 0, 0, 0}).problem, 2);
  EXPECT_EQ(read({7, 7, 5, 0, 0, 0, 0, 0}).problem, 2);  // no whole address fits
  EXPECT_EQ(read({7, 3, 4, 7, 3, 4, 0, 0}).problem, 3);  // twice
  EXPECT_EQ(read({68, 3, 5, 0}).problem, 1);
  EXPECT_EQ(read({68, 8, 4, 0, 0, 0, 0, 0}).problem, 2);
  EXPECT_EQ(read({68, 8, 5, 1, 0, 0, 0, 0}).problem, 2);  // an address, but no time
  EXPECT_EQ(read({131, 2, 0, 0}).problem, 1);
  EXPECT_EQ(read({131, 3, 3, 0}).problem, 2);
  EXPECT_EQ(read({131, 3, 4, 137, 3, 4, 0, 0}).problem, 3);
  EXPECT_EQ(read({134, 6, 0, 0, 0, 1, 0, 0}).problem, 1);  // CIPSO
  EXPECT_EQ(read({134, 8, 0, 0, 0, 1, 1, 2}).problem, 2);
}

TEST(Ipv4Options, OfAForwardedPacketRecordWhereItLeavesToo) {
  Bytes packet = packet_with({7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  Ipv4OptionNotes notes;
  EXPECT_FALSE(read_ipv4_options(packet, scene(), notes));
  EXPECT_EQ(check_checksums(packet).ip_header, ChecksumState::kWrong);
  EXPECT_TRUE(forward_ipv4_options(packet, IpAddress::v4(0xc0a80002), notes));
  // In place of the first: the pointer moves once.
  EXPECT_EQ(options_of(packet), (Bytes{7, 11, 8, 192, 168, 0, 2, 0, 0, 0, 0, 0}));
  EXPECT_EQ(check_checksums(packet).ip_header, ChecksumState::kRight);
  EXPECT_FALSE(forward_ipv4_options(packet, kRecorded, notes));
}

std::optional<Bytes> echoed(const Bytes& options) {
  Bytes packet = packet_with(options);
  Ipv4OptionNotes notes;
  read_ipv4_options(packet, scene(), notes);
  const auto echo = echo_ipv4_options(packet, notes, scene());
  return echo ? std::optional(echo->options) : std::nullopt;
}

TEST(Ipv4Options, ComeBackInAnError) {
  EXPECT_EQ(echoed({0x94, 4, 0, 0}), Bytes{});
  EXPECT_EQ(echoed({1, 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0}),
            (Bytes{7, 11, 12, 10, 0, 0, 1, 10, 0, 0, 1, 0}));
  // The route first, whatever the order.
  EXPECT_EQ(echoed({68, 8, 9, 0, 9, 9, 9, 9, 7, 3, 4, 0}),
            (Bytes{7, 3, 4, 68, 8, 9, 0x10, 9, 9, 9, 9, 0}));
  EXPECT_EQ(echoed({68, 12, 5, 0, 9, 9, 9, 9, 9, 9, 9, 9}),
            (Bytes{68, 12, 13, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  // What was recorded leaves no room for a whole entry.
  EXPECT_EQ(echoed({7, 9, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}), std::nullopt);
  EXPECT_EQ(echoed({134, 8, 0, 0, 0, 1, 1, 2}), (Bytes{134, 8, 0, 0, 0, 1, 1, 2}));
}

TEST(Ipv4Options, TellTheTimeOfThePacketAndOfTheError) {
  Bytes packet = packet_with({68, 12, 5, 0, 9, 9, 9, 9, 9, 9, 9, 9});
  Ipv4OptionNotes notes;
  read_ipv4_options(packet, scene(), notes);
  EXPECT_EQ(echo_ipv4_options(packet, notes, scene())->clocks_at, (std::vector<uint16_t>{4, 8}));
}

TEST(Ipv4Options, LeadAnErrorBackAlongASourceRoute) {
  const Bytes options = {131, 11, 12, 10, 1, 1, 1, 10, 2, 2, 2, 0x99};
  Bytes packet = packet_with(options);
  Ipv4OptionNotes notes;
  EXPECT_TRUE(read_ipv4_options(packet, scene(), notes));
  EXPECT_EQ(first_stop_back(packet, notes), IpAddress::v4(0x0a020202));
  EXPECT_EQ(echoed(options), (Bytes{131, 11, 4, 10, 1, 1, 1, 192, 0, 2, 1, 0}));
  EXPECT_EQ(first_stop_back(packet, kNothingNoted), IpAddress::v4(0xc0000201));
}

TEST(Ipv4Options, MayChangeAsTheyAreRead) {
  EXPECT_TRUE(reading_changes_ipv4_options(packet_with({7, 7, 4, 0, 0, 0, 0, 0})));
  EXPECT_TRUE(reading_changes_ipv4_options(packet_with({0, 1, 0, 0})));
  EXPECT_FALSE(reading_changes_ipv4_options(packet_with({7, 3, 4, 1})));
  EXPECT_FALSE(reading_changes_ipv4_options(packet_with({})));
}

}  // namespace
}  // namespace kubeproof
