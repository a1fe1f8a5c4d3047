#include "replay/capture/sighting.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"
#include "model/packet/translate.h"
#include "replay/capture/offload.h"

namespace kubeproof {
namespace {

// The packet after DNAT, masquerade and forwarding.
Bytes translated(Bytes packet) {
  PacketView view = *parse_packet(packet);
  const bool v4 = view.family == Family::kIpv4;
  rewrite_source(packet, view, *SocketAddress::parse(v4 ? "192.168.0.2:44444" : "[2001:db8::2]:4"));
  rewrite_destination(packet, view, *SocketAddress::parse(v4 ? "10.180.1.7:44444" : "[fd01::7]:4"));
  decrement_ttl(packet, view);
  return packet;
}

bool same(const Bytes& a, const Bytes& b) {
  const auto a_view = *parse_packet(a);
  const auto b_view = *parse_packet(b);
  const bool same = is_same_packet(a, a_view, b, b_view);
  // The key may be equal for different packets, but not different for the same.
  EXPECT_TRUE(!same || content_key(a, a_view) == content_key(b, b_view)) << describe_packet(a);
  return same;
}

std::vector<PacketBuilder> builders() {
  return {PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").ack(7).payload_size(50),
          PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn(),
          PacketBuilder::udp("10.0.0.1:4000", "10.96.0.10:53").payload_size(3),
          PacketBuilder::sctp("10.0.0.1:4000", "10.96.0.10:80"),
          PacketBuilder::icmp_echo("10.0.0.1", "10.96.0.10", 77).payload_size(30),
          PacketBuilder::ip("10.0.0.1", "10.96.0.10", 47).payload_size(30),
          PacketBuilder::tcp("[fd00::1]:4000", "[fd96::a]:80").ack(7).payload_size(50),
          PacketBuilder::udp("[fd00::1]:4000", "[fd96::a]:53").payload_size(300)};
}

TEST(IsSamePacket, AfterTranslation) {
  for (const PacketBuilder& builder : builders()) {
    const Bytes packet = builder.build();
    EXPECT_TRUE(same(packet, translated(packet))) << describe_packet(packet);
  }
}

TEST(IsSamePacket, NotWithAnotherPayload) {
  for (const PacketBuilder& builder : builders()) {
    const Bytes packet = builder.build();
    Bytes other = packet;
    other.back() ^= 1;
    EXPECT_FALSE(same(packet, translated(other))) << describe_packet(packet);
  }
}

TEST(IsSamePacket, NotWithAnotherIdentification) {
  PacketBuilder builder = PacketBuilder::udp("10.0.0.1:4000", "10.96.0.10:53");
  const Bytes packet = builder.build();
  EXPECT_FALSE(same(packet, translated(builder.identification(2).build())));
}

TEST(IsSamePacket, NotWithAnotherTrafficClass) {
  PacketBuilder builder = PacketBuilder::udp("[fd00::1]:4000", "[fd96::a]:53");
  const Bytes packet = builder.build();
  EXPECT_FALSE(same(packet, translated(builder.tos(4).build())));
}

TEST(IsSamePacket, FragmentsOneByOne) {
  const auto fragments =
      PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").payload_size(99).build_fragments(48);
  for (const Bytes& one : fragments) {
    for (const Bytes& other : fragments) {
      EXPECT_EQ(same(one, translated(other)), &one == &other);
    }
  }
}

TEST(IsSamePacket, ErrorsWhoseQuoteWasTranslatedToo) {
  const auto error = [](const char* to, std::string_view quoted_from, std::string_view quoted_to) {
    return PacketBuilder::icmp("10.9.9.9", to, 3, 3)
        .payload(PacketBuilder::udp(quoted_from, quoted_to).payload("abc").build())
        .build();
  };
  const Bytes before = error("192.168.0.2", "192.168.0.2:44444", "10.180.1.7:53");
  EXPECT_TRUE(same(before, error("10.0.0.1", "10.0.0.1:4000", "10.96.0.10:53")));
  const Bytes about_another =
      PacketBuilder::icmp("10.9.9.9", "10.0.0.1", 3, 3)
          .payload(PacketBuilder::udp("10.0.0.1:4000", "10.96.0.10:53").payload("abd").build())
          .build();
  EXPECT_FALSE(same(before, about_another));
}

bool part(const Bytes& a, const Bytes& b) {
  const auto a_view = *parse_packet(a);
  const auto b_view = *parse_packet(b);
  const bool is_part = is_part_of(a, a_view, b, b_view);
  EXPECT_TRUE(!is_part || whole_key(a, a_view) == whole_key(b, b_view));
  return is_part;
}

TEST(IsPartOf, SegmentsOfATcpFrame) {
  const Bytes whole = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80")
                          .seq(0xfffffff0)
                          .ack(7)
                          .psh()
                          .payload_size(3000)
                          .build();
  const std::vector<uint32_t> cuts = {1000, 2000};
  for (const Bytes& segment : cut_segments(whole, *parse_packet(whole), cuts)) {
    EXPECT_TRUE(part(translated(segment), whole));
    Bytes other = segment;
    other.back() ^= 1;
    EXPECT_FALSE(part(translated(other), whole));
    EXPECT_FALSE(part(whole, segment));
  }
}

TEST(IsPartOf, NotWhatOnlyFollowsATcpFrame) {
  PacketBuilder builder = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").seq(7).ack(7);
  const Bytes whole = PacketBuilder(builder).payload_size(3000).build();
  EXPECT_FALSE(part(PacketBuilder(builder).seq(3007).fin().build(), whole));
  EXPECT_FALSE(part(PacketBuilder(builder).seq(1000).build(), whole));
  const std::vector<uint32_t> cuts = {1000};
  Bytes last = cut_segments(whole, *parse_packet(whole), cuts)[1];
  EXPECT_TRUE(part(last, whole));
  last[33] |= 0x01;
  EXPECT_FALSE(part(last, whole));
}

TEST(IsPartOf, FragmentsOfAnIpv4Packet) {
  PacketBuilder builder = PacketBuilder::udp("192.168.0.2:7", "10.0.0.2:8").payload_size(3000);
  const Bytes whole = builder.dont_fragment(false).build();
  for (const Bytes& fragment : builder.build_fragments(1480)) {
    EXPECT_TRUE(part(translated(fragment), whole));
  }
  EXPECT_FALSE(part(builder.identification(9).build_fragments(1480)[0], whole));
}

TEST(IsQuoteOf, TheBeginningOfAPacketWhateverTheTtl) {
  const Bytes packet =
      PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().payload_size(40).build();
  const auto view = *parse_packet(packet);
  Bytes seen = packet;
  PacketView seen_view = view;
  decrement_ttl(seen, seen_view);
  for (const size_t size : {28, 40, 80}) {
    const ByteView quote = ByteView(seen).first(size);
    const auto quoted = *parse_quoted_packet(quote);
    EXPECT_TRUE(is_quote_of(quote, quoted, packet, view));
    EXPECT_EQ(quote_key(quoted), quote_key(view));
  }
  Bytes other = packet;
  other[24] ^= 1;  // its sequence number
  EXPECT_FALSE(is_quote_of(ByteView(other).first(28), *parse_quoted_packet(other), packet, view));
}

}  // namespace
}  // namespace kubeproof
