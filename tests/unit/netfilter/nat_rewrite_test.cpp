#include "model/netfilter/nat_rewrite.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "model/packet/packet_builder.h"

namespace kubeproof::netfilter {
namespace {

FlowTuple tuple(const char* source, const char* destination, uint8_t protocol = kTcp) {
  const auto from = SocketAddress::parse(source).value();
  const auto to = SocketAddress::parse(destination).value();
  return {from.address, to.address, from.port, to.port, protocol};
}

// 10.0.0.1:4000 to 10.96.0.1:80, sent to 10.180.0.1:8080 as 192.168.0.2:5000.
Connection both_ways() {
  Connection connection;
  connection.original = tuple("10.0.0.1:4000", "10.96.0.1:80");
  connection.reply = tuple("10.180.0.1:8080", "192.168.0.2:5000");
  connection.source_nat = connection.destination_nat = true;
  connection.source_nat_done = connection.destination_nat_done = true;
  return connection;
}

Bytes translated(Bytes packet, const Connection& connection, Direction direction,
                 std::initializer_list<Hook> hooks) {
  PacketView view = parse_packet(packet).value();
  for (const Hook hook : hooks) translate(packet, view, connection, direction, hook);
  return packet;
}

TEST(NatRewriteTest, TheWayThereChangesTheDestinationFirstAndTheSourceLast) {
  const Bytes request = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.1:80").syn().build();
  EXPECT_EQ(translated(request, both_ways(), Direction::kOriginal, {Hook::kPrerouting}),
            PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.1:8080").syn().build());
  EXPECT_EQ(translated(request, both_ways(), Direction::kOriginal,
                       {Hook::kPrerouting, Hook::kPostrouting}),
            PacketBuilder::tcp("192.168.0.2:5000", "10.180.0.1:8080").syn().build());
}

TEST(NatRewriteTest, TheWayBackUndoesTheSourceFirstAndTheDestinationLast) {
  const Bytes reply = PacketBuilder::tcp("10.180.0.1:8080", "192.168.0.2:5000").ack(1).build();
  EXPECT_EQ(translated(reply, both_ways(), Direction::kReply, {Hook::kPrerouting}),
            PacketBuilder::tcp("10.180.0.1:8080", "10.0.0.1:4000").ack(1).build());
  EXPECT_EQ(translated(reply, both_ways(), Direction::kReply, {Hook::kPrerouting, Hook::kInput}),
            PacketBuilder::tcp("10.96.0.1:80", "10.0.0.1:4000").ack(1).build());
}

TEST(NatRewriteTest, AHalfThatIsNotTranslatedStays) {
  Connection connection = both_ways();
  connection.reply.destination = connection.original.source;
  connection.reply.destination_port = connection.original.source_port;
  connection.source_nat = false;
  const Bytes request = PacketBuilder::tcp("10.0.0.1:4000", "10.180.0.1:8080").syn().build();
  EXPECT_EQ(translated(request, connection, Direction::kOriginal, {Hook::kPostrouting}), request);
}

class NatRewriteErrorTest : public testing::TestWithParam<bool> {};

// An error from a router beyond about a packet as it left, on its way to the client.
TEST_P(NatRewriteErrorTest, AnErrorIsTranslatedInsideAndOutside) {
  const bool v6 = GetParam();
  Connection connection = both_ways();
  IpAddress router = IpAddress::parse("172.16.0.1").value();
  if (v6) {
    connection.original = tuple("[fd00::1]:4000", "[fd01::1]:80");
    connection.reply = tuple("[fd02::1]:8080", "[2001:db8::2]:5000");
    router = IpAddress::parse("2001:db8:77::1").value();
  }
  const Bytes left = PacketBuilder::tcp(connection.reply.inverse().source_endpoint(),
                                        connection.reply.inverse().destination_endpoint())
                         .syn()
                         .build();
  const Family family = v6 ? Family::kIpv6 : Family::kIpv4;
  const Bytes at_node = make_icmp_error(left, IcmpError::time_exceeded(family), router).value();

  Bytes packet = at_node;
  PacketView view = parse_packet(packet).value();
  for (const Hook hook : {Hook::kPrerouting, Hook::kPostrouting}) {
    ASSERT_TRUE(translate_icmp_error(packet, view, connection, Direction::kReply, hook));
  }
  EXPECT_EQ(view.destination, connection.original.source);
  // Looks as if it came from where the client thinks that it sends to.
  EXPECT_EQ(view.source, connection.original.destination);
  const auto quoted =
      parse_quoted_packet(ByteView(packet).subspan(view.transport_offset + kIcmpHeaderSize));
  EXPECT_EQ(quoted->source_endpoint(), connection.original.source_endpoint());
  EXPECT_EQ(quoted->destination_endpoint(), connection.original.destination_endpoint());
  const ChecksumReport checksums = check_checksums(packet);
  EXPECT_NE(checksums.ip_header, ChecksumState::kWrong);
  EXPECT_EQ(checksums.transport, ChecksumState::kRight);
  EXPECT_NE(checksums.quoted_ip_header, ChecksumState::kWrong);
}

INSTANTIATE_TEST_SUITE_P(BothFamilies, NatRewriteErrorTest, testing::Bool());

TEST(NatRewriteTest, ARedirectAboutATranslatedConnectionIsDropped) {
  const Bytes left = PacketBuilder::tcp("192.168.0.2:5000", "10.180.0.1:8080").syn().build();
  Bytes packet = make_icmp_error(left, {.type = 5, .code = 1, .info = 0},
                                 IpAddress::parse("10.180.0.1").value())
                     .value();
  PacketView view = parse_packet(packet).value();
  EXPECT_FALSE(
      translate_icmp_error(packet, view, both_ways(), Direction::kReply, Hook::kPrerouting));
  Connection plain = both_ways();
  plain.source_nat = plain.destination_nat = false;
  EXPECT_TRUE(translate_icmp_error(packet, view, plain, Direction::kReply, Hook::kPrerouting));
}

TEST(NatRewriteTest, AnErrorThatQuotesPortsAndNoMoreCannotBeTranslated) {
  const Bytes left = PacketBuilder::tcp("192.168.0.2:5000", "10.180.0.1:8080").syn().build();
  for (const size_t quoted : {24, 27, 28}) {
    Bytes packet = PacketBuilder::icmp(*IpAddress::parse("10.180.0.1"),
                                       *IpAddress::parse("192.168.0.2"), 3, 1, 0)
                       .payload(ByteView(left).first(quoted))
                       .build();
    PacketView view = parse_packet(packet).value();
    EXPECT_EQ(translate_icmp_error(packet, view, both_ways(), Direction::kReply, Hook::kPrerouting),
              quoted >= 28)
        << quoted;
  }
}

}  // namespace
}  // namespace kubeproof::netfilter
