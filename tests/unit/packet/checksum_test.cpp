#include "model/packet/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "model/packet/crc32c.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

Bytes text_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

std::vector<PacketBuilder> one_of_each() {
  return {PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:8").syn().payload_size(33),
          PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload_size(32),
          PacketBuilder::sctp("10.0.0.1:7", "10.0.0.2:8"),
          PacketBuilder::icmp_echo("10.0.0.1", "10.0.0.2", 9).payload_size(5),
          PacketBuilder::tcp("[fd00::1]:7", "[fd00::2]:8").ack(5).payload_size(1),
          PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").extension(60),
          PacketBuilder::sctp("[fd00::1]:7", "[fd00::2]:8"),
          PacketBuilder::icmp_echo("fd00::1", "fd00::2", 9)};
}

TEST(OnesComplementSum, MatchesTheExampleOfRfc1071) {
  EXPECT_EQ(ones_complement_sum(Bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}), 0xddf2);
}

TEST(OnesComplementSum, PadsAnOddLengthWithZero) {
  for (size_t size = 0; size < 12; ++size) {
    Bytes bytes(size, 0xab);
    const uint16_t odd = ones_complement_sum(bytes, 0x1234);
    bytes.resize(size + size % 2);
    uint32_t sum = 0x1234;
    for (size_t at = 0; at < bytes.size(); at += 2) sum += load16(bytes, at);
    EXPECT_EQ(odd, (sum & 0xffff) + (sum >> 16)) << size;
  }
}

TEST(Crc32c, MatchesThePublishedVectors) {
  EXPECT_EQ(crc32c(text_bytes("123456789")), 0xe3069283U);
  EXPECT_EQ(crc32c(Bytes(32, 0x00)), 0x8a9136aaU);  // RFC 3720 appendix B.4
  EXPECT_EQ(crc32c(Bytes(32, 0xff)), 0x62a8ab43U);
}

TEST(Checksums, OfAWrittenOutPacketAreRight) {
  // One byte over UDP on the loopback; checksums worked out without this code.
  const Bytes packet = {0x45, 0x00, 0x00, 0x1d, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11,
                        0x7c, 0xcd, 0x7f, 0x00, 0x00, 0x01, 0x7f, 0x00, 0x00, 0x01,
                        0x30, 0x39, 0x00, 0x35, 0x00, 0x09, 0x70, 0x6b, 0x61};
  const ChecksumReport report = check_checksums(packet);
  EXPECT_EQ(report.ip_header, ChecksumState::kRight);
  EXPECT_EQ(report.transport, ChecksumState::kRight);
}

TEST(Checksums, AreRightAsBuiltAndWrongWhenAnyByteChanges) {
  for (const PacketBuilder& builder : one_of_each()) {
    const Bytes packet = builder.build();
    const auto view = *parse_packet(packet);
    EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kRight) << describe_packet(packet);
    for (size_t at = view.transport_offset; at < packet.size(); ++at) {
      Bytes changed = packet;
      changed[at] ^= 0x04;
      const ChecksumState state = check_checksums(changed).transport;
      EXPECT_NE(state, ChecksumState::kRight) << describe_packet(packet) << " byte " << at;
    }
  }
}

TEST(Checksums, OfTheIpv4HeaderAreJudgedApart) {
  const Bytes packet = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").bad_header_checksum().build();
  EXPECT_EQ(check_checksums(packet).ip_header, ChecksumState::kWrong);
  EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kRight);
}

TEST(Checksums, WrongOnPurposeAreWrong) {
  for (PacketBuilder builder : one_of_each()) {
    const Bytes packet = builder.bad_transport_checksum().build();
    EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kWrong) << describe_packet(packet);
  }
}

TEST(Checksums, ZeroInUdpIsAbsent) {
  const Bytes packet = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").no_checksum().build();
  EXPECT_EQ(load16(packet, 26), 0);
  EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kAbsent);
}

TEST(Checksums, ThatComeToZeroInUdpAreSentAsAllOnes) {
  PacketBuilder builder = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8");
  const Bytes first = builder.payload(Bytes{0, 0}).build();
  Bytes payload(2);
  store16(payload, 0, load16(first, 26));  // what makes the sum all ones
  const Bytes packet = builder.payload(payload).build();
  EXPECT_EQ(load16(packet, 26), 0xffff);
  EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kRight);
}

TEST(Checksums, CoverNoMoreThanTheUdpLengthSays) {
  Bytes packet = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload("abcd").build();
  store16(packet, 24, 10);
  fix_checksums(packet);
  packet[30] ^= 1;
  EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kRight);
  packet[29] ^= 1;
  EXPECT_EQ(check_checksums(packet).transport, ChecksumState::kWrong);
}

TEST(Checksums, OfFragmentsAreNotJudged) {
  for (const Bytes& fragment :
       PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload_size(99).build_fragments(48)) {
    EXPECT_EQ(check_checksums(fragment).transport, ChecksumState::kNotJudgeable);
    EXPECT_EQ(check_checksums(fragment).ip_header, ChecksumState::kRight);
  }
}

TEST(Checksums, OfAQuoteAreJudgedWhereItIsWhole) {
  const Bytes offending = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload("abc").build();
  PacketBuilder error = PacketBuilder::icmp("10.0.0.2", "10.0.0.1", 3, 3);
  ChecksumReport report = check_checksums(error.payload(offending).build());
  EXPECT_EQ(report.quoted_ip_header, ChecksumState::kRight);
  EXPECT_EQ(report.quoted_transport, ChecksumState::kRight);

  report = check_checksums(error.payload(ByteView(offending).first(28)).build());
  EXPECT_EQ(report.quoted_ip_header, ChecksumState::kRight);
  EXPECT_EQ(report.quoted_transport, ChecksumState::kNotJudgeable);

  Bytes mangled = offending;
  mangled[15] ^= 1;
  report = check_checksums(error.payload(mangled).build());
  EXPECT_EQ(report.transport, ChecksumState::kRight);
  EXPECT_EQ(report.quoted_ip_header, ChecksumState::kWrong);
  EXPECT_EQ(report.quoted_transport, ChecksumState::kWrong);
}

TEST(FixChecksums, RepairsWhatIsBroken) {
  for (PacketBuilder builder : one_of_each()) {
    const Bytes right = builder.build();
    Bytes packet = builder.bad_transport_checksum().bad_header_checksum().build();
    EXPECT_NE(packet, right);
    fix_checksums(packet);
    EXPECT_EQ(packet, right) << describe_packet(packet);
  }
}

TEST(FixChecksums, LeavesAnAbsentOneAbsent) {
  Bytes packet = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").no_checksum().build();
  fix_checksums(packet);
  EXPECT_EQ(load16(packet, 26), 0);
}

TEST(UpdateChecksum, EqualsRecomputation) {
  std::mt19937 random(2);
  for (int round = 0; round < 10000; ++round) {
    Bytes words(40);
    for (auto& byte : words) byte = static_cast<uint8_t>(random());
    const auto before = static_cast<uint16_t>(~ones_complement_sum(words));
    const auto from = static_cast<uint16_t>(load16(words, 12));
    const auto to = static_cast<uint16_t>(random());
    store16(words, 12, to);
    const auto after = static_cast<uint16_t>(~ones_complement_sum(words));
    EXPECT_EQ(update_checksum(before, from, to), after);
    const uint32_t from32 = load32(words, 20);
    const auto to32 = static_cast<uint32_t>(random());
    store32(words, 20, to32);
    EXPECT_EQ(update_checksum32(after, from32, to32),
              static_cast<uint16_t>(~ones_complement_sum(words)));
  }
}

TEST(UpdateChecksum, NeverYieldsNegativeZero) {
  // The corner that RFC 1624 corrects: the old formula gives 0xffff here.
  EXPECT_EQ(update_checksum(0xdd2f, 0x5555, 0x3285), 0x0000);
}

TEST(PartialChecksum, IsRecognised) {
  for (PacketBuilder builder : one_of_each()) {
    const Bytes whole = builder.build();
    const auto view = *parse_packet(whole);
    EXPECT_FALSE(has_partial_checksum(whole, view)) << describe_packet(whole);
    const Bytes partial = builder.partial_checksum().build();
    const bool offloadable =
        view.protocol == kTcp || view.protocol == kUdp || view.protocol == kSctp;
    EXPECT_EQ(has_partial_checksum(partial, view), offloadable) << describe_packet(partial);
  }
}

TEST(NfChecksum, SumsWhateverFollowsTheIpHeader) {
  const auto passes = [](const Bytes& packet) {
    return passes_nf_checksum(packet, *parse_packet(packet));
  };
  EXPECT_TRUE(passes(PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:8").build()));
  EXPECT_TRUE(passes(PacketBuilder::icmp_echo("fd00::1", "fd00::2", 1).build()));
  EXPECT_FALSE(
      passes(PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:8").bad_transport_checksum().build()));
  EXPECT_FALSE(passes(PacketBuilder::ip("10.0.0.1", "10.0.0.2", 4).payload("abc").build()));
}

}  // namespace
}  // namespace kubeproof
