#include "model/netfilter/nat_binding.h"

#include <gtest/gtest.h>

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

FlowTuple tuple(const char* source, const char* destination, uint8_t protocol = kUdp) {
  const auto from = SocketAddress::parse(source).value();
  const auto to = SocketAddress::parse(destination).value();
  return {from.address, to.address, from.port, to.port, protocol};
}

FlowTuple echo(const char* source, const char* destination, uint16_t identifier) {
  return {address(source), address(destination), identifier, 8 << 8, kIcmp};
}

Connection connection(const FlowTuple& original) {
  Connection made;
  made.original = original;
  made.reply = original.inverse();
  made.deadline = 30s;
  return made;
}

class NatBindingTest : public testing::Test {
 protected:
  void bind(Connection& connection, const BindingRequest& request) {
    netfilter::bind(connection, request, {table_, std::nullopt, 1s});
  }
  void bind_null(Connection& connection, Manipulation manipulation) {
    bind(connection, BindingRequest::null(connection, manipulation));
  }
  void dnat(Connection& connection, const char* to) {
    const auto target = SocketAddress::parse(to).value();
    bind(connection, {.manipulation = Manipulation::kDestination,
                      .address = target.address,
                      .port = target.port});
  }
  void masquerade(Connection& connection, const char* source, bool random_fully) {
    bind(connection, {.manipulation = Manipulation::kSource,
                      .address = address(source),
                      .random_fully = random_fully});
  }

  ConnectionTable table_;
};

TEST_F(NatBindingTest, DnatChangesWhereRepliesComeFrom) {
  Connection flow = connection(tuple("10.0.0.1:1000", "10.96.0.1:53"));
  dnat(flow, "10.180.0.1:5353");
  EXPECT_EQ(flow.reply, tuple("10.180.0.1:5353", "10.0.0.1:1000"));
  EXPECT_TRUE(flow.destination_nat);
  EXPECT_TRUE(flow.destination_nat_done);
  EXPECT_FALSE(flow.source_nat);
}

TEST_F(NatBindingTest, DnatTakesItsTargetEvenWhereRepliesAreTaken) {
  table_.insert(connection(tuple("10.0.0.1:1000", "10.180.0.1:5353")), 0s);
  Connection flow = connection(tuple("10.0.0.1:1000", "10.96.0.1:53"));
  dnat(flow, "10.180.0.1:5353");
  EXPECT_EQ(flow.reply, tuple("10.180.0.1:5353", "10.0.0.1:1000"));
}

TEST_F(NatBindingTest, WithoutARuleNothingIsTranslated) {
  Connection flow = connection(tuple("10.0.0.1:1000", "10.0.0.2:53"));
  const FlowTuple reply = flow.reply;
  bind_null(flow, Manipulation::kDestination);
  bind_null(flow, Manipulation::kSource);
  EXPECT_EQ(flow.reply, reply);
  EXPECT_FALSE(flow.source_nat || flow.destination_nat);
  EXPECT_TRUE(flow.source_nat_done && flow.destination_nat_done);
}

TEST_F(NatBindingTest, WithoutARuleThePortIsDrawnWhereRepliesAreTaken) {
  table_.insert(connection(tuple("10.0.0.1:1000", "10.180.0.1:5353")), 0s);
  Connection flow = connection(tuple("10.0.0.1:1000", "10.96.0.1:53"));
  dnat(flow, "10.180.0.1:5353");
  bind_null(flow, Manipulation::kSource);
  EXPECT_EQ(flow.drawn_from, (PortRange{600, 1023}));
  EXPECT_EQ(flow.reply, tuple("10.180.0.1:5353", "10.0.0.1:0"));
}

TEST_F(NatBindingTest, FullyRandomMasqueradeAlwaysDrawsThePort) {
  Connection flow = connection(tuple("10.0.0.1:4000", "10.180.0.1:53"));
  masquerade(flow, "192.168.0.2", true);
  EXPECT_EQ(flow.drawn_from, (PortRange{1024, 65535}));
  EXPECT_EQ(flow.reply, tuple("10.180.0.1:53", "192.168.0.2:0"));
  EXPECT_TRUE(flow.source_nat);
}

TEST_F(NatBindingTest, PrivilegedPortsStayPrivileged) {
  Connection low = connection(tuple("10.0.0.1:511", "10.180.0.1:53"));
  masquerade(low, "192.168.0.2", true);
  EXPECT_EQ(low.drawn_from, (PortRange{1, 511}));
  Connection middle = connection(tuple("10.0.0.1:512", "10.180.0.1:53"));
  masquerade(middle, "192.168.0.2", true);
  EXPECT_EQ(middle.drawn_from, (PortRange{600, 1023}));
}

TEST_F(NatBindingTest, PlainMasqueradeKeepsThePortWhereItCan) {
  Connection flow = connection(tuple("10.0.0.1:4000", "10.180.0.1:53"));
  masquerade(flow, "192.168.0.2", false);
  EXPECT_FALSE(flow.drawn_from);
  EXPECT_EQ(flow.reply, tuple("10.180.0.1:53", "192.168.0.2:4000"));
}

TEST_F(NatBindingTest, PlainMasqueradeReusesTheSourceOfAnEarlierFlow) {
  Connection earlier = connection(tuple("10.0.0.1:4000", "10.180.0.1:53"));
  earlier.reply = tuple("10.180.0.1:53", "192.168.0.2:7777");
  earlier.source_nat = true;
  table_.insert(earlier, 0s);
  Connection flow = connection(tuple("10.0.0.1:4000", "10.180.0.2:53"));
  masquerade(flow, "192.168.0.2", false);
  EXPECT_EQ(flow.reply, tuple("10.180.0.2:53", "192.168.0.2:7777"));
}

TEST_F(NatBindingTest, IdentifiersAreDrawnFromAll) {
  Connection flow = connection(echo("10.0.0.1", "10.0.0.2", 7));
  masquerade(flow, "192.168.0.2", true);
  EXPECT_EQ(flow.drawn_from, (PortRange{0, 65535}));
}

TEST_F(NatBindingTest, ATakenIdentifierMovesToTheLowestFreeOneBeforeRouting) {
  Connection other = connection(echo("192.168.0.9", "10.0.0.2", 9));
  other.reply = echo("10.0.0.1", "10.0.0.2", 7).inverse();
  table_.insert(other, 0s);
  Connection flow = connection(echo("10.0.0.1", "10.0.0.2", 7));
  bind_null(flow, Manipulation::kDestination);
  EXPECT_EQ(flow.reply.source_port, 0);
}

TEST_F(NatBindingTest, ProtocolsWithoutPortsHaveNoneToDraw) {
  constexpr uint8_t kEsp = 50;
  Connection flow = connection(tuple("10.0.0.1:0", "10.0.0.2:0", kEsp));
  masquerade(flow, "192.168.0.2", true);
  EXPECT_FALSE(flow.drawn_from);
  EXPECT_EQ(flow.reply.destination, address("192.168.0.2"));
}

TEST_F(NatBindingTest, DrawingTheOwnPortAndAddressTranslatesNothing) {
  Connection flow = connection(tuple("192.168.0.2:4000", "10.180.0.1:53"));
  masquerade(flow, "192.168.0.2", true);
  EXPECT_FALSE(flow.with_drawn_port(4000).source_nat);
  EXPECT_TRUE(flow.with_drawn_port(4001).source_nat);
}

}  // namespace
}  // namespace kubeproof::netfilter
