#include "model/packet/translate.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

SocketAddress endpoint(std::string_view text) {
  return *SocketAddress::parse(text);
}

struct Rewrite {
  PacketBuilder before;
  PacketBuilder after;
  SocketAddress to;
};

TEST(RewriteDestination, EqualsAPacketBuiltSo) {
  const Rewrite rewrites[] = {
      {PacketBuilder::tcp("10.0.0.1:7", "10.96.0.10:80").syn().payload("ab"),
       PacketBuilder::tcp("10.0.0.1:7", "10.180.0.9:8080").syn().payload("ab"),
       endpoint("10.180.0.9:8080")},
      {PacketBuilder::udp("10.0.0.1:7", "10.96.0.10:53").payload("abc"),
       PacketBuilder::udp("10.0.0.1:7", "10.180.0.9:5353").payload("abc"),
       endpoint("10.180.0.9:5353")},
      {PacketBuilder::udp("10.0.0.1:7", "10.96.0.10:53").no_checksum(),
       PacketBuilder::udp("10.0.0.1:7", "10.180.0.9:5353").no_checksum(),
       endpoint("10.180.0.9:5353")},
      {PacketBuilder::sctp("10.0.0.1:7", "10.96.0.10:80"),
       PacketBuilder::sctp("10.0.0.1:7", "10.180.0.9:8080"), endpoint("10.180.0.9:8080")},
      {PacketBuilder::icmp_echo("10.0.0.1", "10.96.0.10", 7),
       PacketBuilder::icmp_echo("10.0.0.1", "10.180.0.9", 8), endpoint("10.180.0.9:8")},
      {PacketBuilder::tcp("[fd00::1]:7", "[fd96::a]:80").ack(9).extension(60),
       PacketBuilder::tcp("[fd00::1]:7", "[fd80::9]:8080").ack(9).extension(60),
       endpoint("[fd80::9]:8080")},
      {PacketBuilder::icmp_echo("fd00::1", "fd96::a", 7),
       PacketBuilder::icmp_echo("fd00::1", "fd80::9", 8), endpoint("[fd80::9]:8")},
      {PacketBuilder::ip("10.0.0.1", "10.96.0.10", 47).payload("abc"),
       PacketBuilder::ip("10.0.0.1", "10.180.0.9", 47).payload("abc"), endpoint("10.180.0.9:1")},
  };
  for (const Rewrite& rewrite : rewrites) {
    Bytes packet = rewrite.before.build();
    PacketView view = *parse_packet(packet);
    rewrite_destination(packet, view, rewrite.to);
    EXPECT_EQ(packet, rewrite.after.build()) << describe_packet(packet);
    EXPECT_EQ(view.destination, rewrite.to.address);
    EXPECT_TRUE(!view.has_ports || view.destination_port == rewrite.to.port);
  }
}

TEST(RewriteSource, EqualsAPacketBuiltSo) {
  Bytes packet = PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:80").build();
  PacketView view = *parse_packet(packet);
  rewrite_source(packet, view, endpoint("192.168.0.2:40000"));
  EXPECT_EQ(packet, PacketBuilder::tcp("192.168.0.2:40000", "10.0.0.2:80").build());
  EXPECT_EQ(view.source_endpoint(), endpoint("192.168.0.2:40000"));
}

TEST(Rewrite, KeepsAWrongChecksumWrong) {
  Bytes packet = PacketBuilder::tcp("10.0.0.1:7", "10.0.0.2:80").bad_transport_checksum().build();
  PacketView view = *parse_packet(packet);
  rewrite_destination(packet, view, endpoint("10.0.0.3:81"));
  EXPECT_EQ(packet,
            PacketBuilder::tcp("10.0.0.1:7", "10.0.0.3:81").bad_transport_checksum().build());
}

TEST(Rewrite, NeverTurnsAUdpChecksumIntoNone) {
  PacketBuilder builder = PacketBuilder::udp("10.0.0.1:7", "10.0.0.3:81");
  Bytes payload(2);
  store16(payload, 0, load16(builder.payload(Bytes(2)).build(), 26));
  Bytes packet = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:80").payload(payload).build();
  PacketView view = *parse_packet(packet);
  rewrite_destination(packet, view, endpoint("10.0.0.3:81"));
  EXPECT_EQ(load16(packet, 26), 0xffff);
}

TEST(Rewrite, ReachesThePortsOfAnEightByteQuote) {
  const auto quote_of = [](const PacketBuilder& builder) {
    Bytes packet = builder.build();
    packet.resize(28);
    return packet;
  };
  Bytes quote = quote_of(PacketBuilder::tcp("10.0.0.1:7", "10.180.0.9:8080"));
  PacketView view = *parse_quoted_packet(quote);
  rewrite_destination(quote, view, endpoint("10.96.0.10:80"));
  EXPECT_EQ(quote, quote_of(PacketBuilder::tcp("10.0.0.1:7", "10.96.0.10:80")));
}

TEST(Rewrite, KeepsTheChecksumOfALaterFragment) {
  const auto fragments = [](std::string_view to) {
    return PacketBuilder::udp("10.0.0.1:7", to).payload_size(99).build_fragments(48);
  };
  Bytes packet = fragments("10.0.0.2:80")[1];
  PacketView view = *parse_packet(packet);
  rewrite_destination(packet, view, endpoint("10.0.0.3:81"));
  EXPECT_EQ(packet, fragments("10.0.0.3:81")[1]);
}

TEST(DecrementTtl, EqualsAPacketBuiltSo) {
  for (const int ttl : {2, 64, 255}) {
    const auto lower = static_cast<uint8_t>(ttl - 1);
    Bytes packet =
        PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:80").ttl(static_cast<uint8_t>(ttl)).build();
    PacketView view = *parse_packet(packet);
    decrement_ttl(packet, view);
    EXPECT_EQ(packet, PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:80").ttl(lower).build());
    EXPECT_EQ(view.ttl, lower);
  }
  Bytes packet = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:80").ttl(9).build();
  PacketView view = *parse_packet(packet);
  decrement_ttl(packet, view);
  EXPECT_EQ(packet, PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:80").ttl(8).build());
}

}  // namespace
}  // namespace kubeproof
