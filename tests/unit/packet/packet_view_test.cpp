#include "model/packet/packet_view.h"

#include <gtest/gtest.h>

#include <random>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kDestinationOptions = 60;

TEST(ParsePacket, ReadsAnIpv4TcpHeader) {
  const Bytes packet = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().ttl(17).build();
  const auto view = parse_packet(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->source_endpoint().to_string(), "10.0.0.1:4000");
  EXPECT_EQ(view->destination_endpoint().to_string(), "10.96.0.10:80");
  EXPECT_EQ(view->protocol, kTcp);
  EXPECT_EQ(view->ttl, 17);
  EXPECT_EQ(view->tcp_flags, 0x02);
  EXPECT_EQ(view->total_length, packet.size());
  EXPECT_EQ(view->transport_offset, 20);
  EXPECT_TRUE(view->dont_fragment);
  EXPECT_FALSE(view->is_fragment);
}

TEST(ParsePacket, LeavesOutLinkPadding) {
  const Bytes packet = PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").trailer(18).build();
  EXPECT_EQ(parse_packet(packet)->total_length, packet.size() - 18);
}

TEST(ParsePacket, SkipsIpv4Options) {
  const Bytes options = {0x94, 4, 0, 0, 1};
  const auto view =
      parse_packet(PacketBuilder::udp("10.0.0.1:1", "10.0.0.2:2").ip_options(options).build());
  EXPECT_EQ(view->transport_offset, 28);
  EXPECT_EQ(view->destination_port, 2);
}

TEST(ParsePacket, SkipsIpv6ExtensionHeaders) {
  const Bytes packet = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8")
                           .extension(kHopByHop)
                           .extension(kDestinationOptions, Bytes(10))
                           .build();
  const auto view = parse_packet(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->protocol, kUdp);
  EXPECT_EQ(view->transport_offset, 40 + 8 + 16);
  EXPECT_EQ(view->next_header_offset, 48);
  EXPECT_EQ(view->destination_port, 8);
}

TEST(ParsePacket, CountsAuthenticationHeadersInWords) {
  constexpr uint8_t kAuthentication = 51;
  Bytes packet = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8")
                     .extension(kAuthentication, Bytes(14))
                     .build();
  packet[41] = 2;  // (2 + 2) * 4 = 16 bytes
  const auto view = parse_packet(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->transport_offset, 56);
  EXPECT_EQ(view->source_port, 7);
}

TEST(ParsePacket, TellsExtensionHeadersPastTheEnd) {
  Bytes packet =
      PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").extension(kDestinationOptions).build();
  packet[41] = 200;
  const auto led_past = parse_packet(packet);
  ASSERT_TRUE(led_past);
  EXPECT_FALSE(led_past->is_chain_broken);
  EXPECT_EQ(led_past->protocol, kUdp);
  EXPECT_EQ(led_past->transport_offset, packet.size());
  EXPECT_FALSE(led_past->has_ports);
  packet[40] = kDestinationOptions;
  EXPECT_TRUE(parse_packet(packet)->is_chain_broken);
}

TEST(ParsePacket, TellsAFragmentHeaderThatIsCutShort) {
  constexpr uint8_t kFragment = 44;
  Bytes packet = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").build();
  packet[6] = kFragment;
  packet[40] = kUdp;
  packet.resize(45);
  packet[5] = 5;
  packet[42] = packet[43] = 0;
  auto view = parse_packet(packet);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->is_fragment_header_cut);
  EXPECT_FALSE(view->is_chain_broken);
  EXPECT_EQ(view->protocol, kUdp);
  packet[43] = 8;  // a later fragment
  view = parse_packet(packet);
  EXPECT_TRUE(view->is_fragment_header_cut);
  EXPECT_TRUE(view->is_chain_broken);
}

TEST(ParsePacket, TakesAllForPayloadWhereAJumbogramMayBe) {
  Bytes packet = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").extension(0).build();
  store16(packet, 4, 0);
  const auto view = parse_packet(packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->total_length, packet.size());
  EXPECT_EQ(view->destination_port, 8);
}

TEST(ParsePacket, SeesPortsOnlyInTheFirstFragment) {
  for (const auto& builder : {PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8"),
                              PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8")}) {
    const auto fragments =
        PacketBuilder(builder).identification(0x1234).payload_size(100).build_fragments(64);
    ASSERT_EQ(fragments.size(), 2U);
    const auto first = parse_packet(fragments[0]);
    EXPECT_TRUE(first->is_fragment && first->is_first_fragment && first->has_ports);
    EXPECT_EQ(first->identification, 0x1234U);
    const auto second = parse_packet(fragments[1]);
    EXPECT_TRUE(second->is_fragment);
    EXPECT_FALSE(second->is_first_fragment || second->has_ports);
    EXPECT_EQ(second->fragment_offset, 64);
    EXPECT_EQ(second->protocol, kUdp);
  }
}

TEST(ParsePacket, TakesAnAtomicFragmentForWhole) {
  const auto view =
      parse_packet(PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").extension(44).build());
  EXPECT_FALSE(view->is_fragment);
  EXPECT_TRUE(view->has_ports);
}

TEST(ParsePacket, ReadsQueryIdentifiersAsPorts) {
  const auto echo = parse_packet(PacketBuilder::icmp_echo("10.0.0.1", "10.0.0.2", 77).build());
  EXPECT_TRUE(echo->has_icmp && echo->has_ports);
  EXPECT_EQ(echo->icmp_type, 8);
  EXPECT_EQ(echo->source_port, 77);
  EXPECT_EQ(echo->destination_port, 77);
  const auto echo6 = parse_packet(PacketBuilder::icmp_echo_reply("fd00::1", "fd00::2", 78).build());
  EXPECT_EQ(echo6->icmp_type, 129);
  EXPECT_EQ(echo6->source_port, 78);
}

TEST(ParsePacket, ReadsNoIdentifierFromIcmpErrors) {
  const auto view = parse_packet(PacketBuilder::icmp("10.0.0.1", "10.0.0.2", 3, 3, 77).build());
  EXPECT_TRUE(view->has_icmp);
  EXPECT_FALSE(view->has_ports);
  EXPECT_TRUE(is_icmp_error(*view));
}

TEST(ParsePacket, KeepsIcmpToItsFamily) {
  EXPECT_FALSE(
      parse_packet(PacketBuilder::ip("10.0.0.1", "10.0.0.2", kIcmpv6).payload("12345678").build())
          ->has_icmp);
  EXPECT_FALSE(
      parse_packet(PacketBuilder::ip("fd00::1", "fd00::2", kIcmp).payload("12345678").build())
          ->has_icmp);
}

TEST(ParsePacket, ReadsNoPortsFromACutTransportHeader) {
  for (const uint8_t protocol : {kTcp, kUdp, kSctp, kIcmp}) {
    const auto view = parse_packet(PacketBuilder::ip("10.0.0.1", "10.0.0.2", protocol)
                                       .payload("\x08"
                                                "123456")
                                       .build());
    ASSERT_TRUE(view);
    EXPECT_FALSE(view->has_ports || view->has_icmp) << int{protocol};
  }
}

TEST(ParsePacket, NamesWhatIsWrong) {
  const Bytes good = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").build();
  const auto broken = [&](size_t at, uint8_t value) {
    Bytes packet = good;
    packet[at] = value;
    return parse_packet(packet).error();
  };
  EXPECT_EQ(parse_packet({}).error(), ParseFailure::kTooShort);
  EXPECT_EQ(parse_packet(ByteView(good).first(19)).error(), ParseFailure::kTooShort);
  EXPECT_EQ(broken(0, 0x55), ParseFailure::kNotIp);
  EXPECT_EQ(broken(0, 0x44), ParseFailure::kHeaderLength);
  EXPECT_EQ(broken(0, 0x4f), ParseFailure::kHeaderLength);
  EXPECT_EQ(broken(3, 29), ParseFailure::kTotalLength);
}

TEST(ParseQuotedPacket, ReadsPortsFromFourBytes) {
  const Bytes packet =
      PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:8").syn().payload_size(100).build();
  const ByteView quote = ByteView(packet).first(24);
  EXPECT_FALSE(parse_packet(quote));
  const auto view = parse_quoted_packet(quote);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->has_ports);
  EXPECT_EQ(view->destination_port, 8);
  EXPECT_EQ(view->total_length, 140);
  EXPECT_FALSE(parse_quoted_packet(quote.first(23))->has_ports);
}

TEST(ParseQuotedPacket, AsksForNoLengthButThatOfTheHeader) {
  Bytes quote = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").build();
  for (const uint16_t length : {0, 19, 0xffff}) {
    store16(quote, 2, length);
    EXPECT_EQ(parse_quoted_packet(quote)->destination_port, 8) << length;
  }
  quote[0] = 0x65;
  EXPECT_EQ(parse_quoted_packet(quote, Family::kIpv4)->destination_port, 8);
  quote[0] = 0x4f;
  EXPECT_FALSE(parse_quoted_packet(quote));

  Bytes ipv6 = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").build();
  for (const uint16_t length : {0, 1, 0xffff}) {
    store16(ipv6, 4, length);
    EXPECT_EQ(parse_quoted_packet(ipv6)->destination_port, 8) << length;
  }
}

TEST(ParsePacket, IsTotalOnAnyBytes) {
  std::mt19937 random(1);
  const std::vector<Bytes> seeds = {
      PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:8").ip_options(Bytes(8, 1)).build(),
      PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").extension(0).extension(43).build(),
      PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").payload_size(99).build_fragments(40)[1],
      PacketBuilder::icmp("fd00::1", "fd00::2", 1, 4).payload_size(60).build()};
  for (int round = 0; round < 200000; ++round) {
    Bytes packet = seeds[random() % seeds.size()];
    for (uint32_t i = random() % 6; i > 0; --i) {
      packet[random() % packet.size()] = static_cast<uint8_t>(random());
    }
    // An exact allocation, so that a sanitizer sees every byte read past the end.
    packet.resize(random() % (packet.size() + 1));
    packet.shrink_to_fit();
    const auto view = parse_packet(packet);
    if (view) {
      EXPECT_LE(view->total_length, packet.size());
      EXPECT_LE(view->transport_offset, view->total_length);
    }
    check_checksums(packet);
    fix_checksums(packet);
    EXPECT_FALSE(describe_packet(packet).empty());
    if (const auto quoted = parse_quoted_packet(packet)) {
      EXPECT_LE(quoted->transport_offset, packet.size());
    }
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      if (const auto quoted = parse_quoted_packet(packet, family)) {
        EXPECT_LE(quoted->transport_offset, packet.size());
      }
    }
  }
}

TEST(DescribePacket, IsOneLineForPeople) {
  EXPECT_EQ(describe_packet(PacketBuilder::tcp("10.0.0.9:4000", "10.96.0.10:80").syn().build()),
            "10.0.0.9:4000 > 10.96.0.10:80 TCP [S] ttl 64 len 40");
  EXPECT_EQ(describe_packet(PacketBuilder::icmp_echo("fd00::1", "fd00::2", 9).build()),
            "fd00::1 > fd00::2 ICMPv6 echo request id 9 ttl 64 len 48");
  EXPECT_EQ(describe_packet(Bytes{0x45}), "1 bytes, shorter than an IP header");
}

TEST(DescribePacket, NamesTheQuotedFlowOfAnError) {
  const Bytes offending = PacketBuilder::udp("10.0.0.9:4000", "10.96.0.10:53").build();
  EXPECT_EQ(
      describe_packet(PacketBuilder::icmp("10.0.0.1", "10.0.0.9", 3, 3).payload(offending).build()),
      "10.0.0.1 > 10.0.0.9 ICMP destination unreachable code 3 about 10.0.0.9:4000 > 10.96.0.10:53 "
      "ttl 64 len 56");
}

}  // namespace
}  // namespace kubeproof
