#include "model/netfilter/flow_tuple.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"

namespace kubeproof::netfilter {
namespace {

FlowTuple tuple_of(const PacketBuilder& builder) {
  return netfilter::tuple_of(parse_packet(builder.build()).value()).value();
}

TEST(FlowTupleTest, InverseSwapsAddressesAndPorts) {
  const FlowTuple tuple = tuple_of(PacketBuilder::tcp("10.0.0.1:4000", "10.0.0.2:80").syn());
  EXPECT_EQ(tuple.inverse(),
            tuple_of(PacketBuilder::tcp("10.0.0.2:80", "10.0.0.1:4000").syn().ack(1)));
}

TEST(FlowTupleTest, InverseOfAnEchoIsTheReplyWithTheSameIdentifier) {
  const FlowTuple tuple = tuple_of(PacketBuilder::icmp_echo("10.0.0.1", "10.0.0.2", 77));
  EXPECT_EQ(tuple.inverse(), tuple_of(PacketBuilder::icmp_echo_reply("10.0.0.2", "10.0.0.1", 77)));
  EXPECT_EQ(tuple.inverse().inverse(), tuple);
}

TEST(FlowTupleTest, InverseOfAnIpv6EchoIsTheReply) {
  const FlowTuple tuple = tuple_of(PacketBuilder::icmp_echo("fd00::1", "fd00::2", 77));
  EXPECT_EQ(tuple.inverse(), tuple_of(PacketBuilder::icmp_echo_reply("fd00::2", "fd00::1", 77)));
}

TEST(FlowTupleTest, ProtocolsWithoutPortsHaveZeros) {
  constexpr uint8_t kEsp = 50;
  const FlowTuple tuple = tuple_of(PacketBuilder::ip("10.0.0.1", "10.0.0.2", kEsp));
  EXPECT_EQ(tuple.source_port, 0);
  EXPECT_EQ(tuple.destination_port, 0);
  EXPECT_EQ(tuple.protocol, kEsp);
}

TEST(FlowTupleTest, IcmpErrorsHaveNone) {
  const Bytes error = PacketBuilder::icmp("10.0.0.1", "10.0.0.2", 3, 3).build();
  EXPECT_FALSE(netfilter::tuple_of(parse_packet(error).value()).has_value());
}

TEST(FlowTupleTest, CutTransportHeadersHaveNone) {
  const Bytes cut = PacketBuilder::ip("10.0.0.1", "10.0.0.2", kTcp).payload("1234567").build();
  EXPECT_FALSE(netfilter::tuple_of(parse_packet(cut).value()).has_value());
}

TEST(FlowTupleTest, DifferentTuplesHashDifferently) {
  const auto hash = [](const char* from, const char* to) {
    return tuple_of(PacketBuilder::udp(from, to)).hash();
  };
  EXPECT_NE(hash("10.0.0.1:1", "10.0.0.2:2"), hash("10.0.0.2:2", "10.0.0.1:1"));
  EXPECT_NE(hash("10.0.0.1:1", "10.0.0.2:2"), hash("10.0.0.1:2", "10.0.0.2:1"));
  EXPECT_NE(hash("[fd00::1]:1", "[fd00::2]:2"), hash("[fd00::1]:1", "[fd00::3]:2"));
}

}  // namespace
}  // namespace kubeproof::netfilter
