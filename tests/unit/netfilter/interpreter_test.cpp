#include "model/netfilter/interpreter.h"

#include <gtest/gtest.h>

#include "model/packet/icmp_error.h"
#include "model/packet/packet_builder.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/small_node.h"

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

// One node with hand-made rules, and the state that its packets leave.
class InterpreterTest : public testing::Test {
 protected:
  std::vector<Rule>& chain(TableName table, const std::string& name,
                           Family family = Family::kIpv4) {
    return chain_of(family == Family::kIpv4 ? ipv4_ : ipv6_, table, name);
  }
  void load() {
    for (const Ruleset& ruleset : {ipv4_, ipv6_}) {
      const auto loaded = interpreter_.load(std::make_shared<Ruleset>(ruleset));
      ASSERT_TRUE(loaded) << loaded.error().message;
    }
    interpreter_.explain(true);
    loaded_ = true;
  }

  const Outcome& run(uint32_t ingress, const Bytes& packet) {
    if (!loaded_) load();
    interpreter_.run({.ingress = {ingress}, .packet = packet}, state_, now_, outcomes_);
    EXPECT_EQ(outcomes_.size(), 1U);
    return outcomes_.outcomes()[0];
  }
  // Runs it and lets it happen.
  const Outcome& pass(uint32_t ingress, const Bytes& packet, uint16_t port = 0) {
    const Outcome& outcome = run(ingress, packet);
    outcomes_.change(0).apply(state_, port == 0 ? std::nullopt : std::optional(port), now_);
    return outcome;
  }
  static Bytes packet_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.emissions.size(), 1U);
    return outcome.emissions.empty() ? Bytes() : outcome.emissions[0].packet;
  }

  World world_ = small_node();
  Interpreter interpreter_{world_};
  Ruleset ipv4_ = ruleset_with({TableName::kFilter, TableName::kNat});
  Ruleset ipv6_ = ruleset_with({TableName::kFilter, TableName::kNat}, Family::kIpv6);
  State state_;
  OutcomeSet outcomes_;
  Instant now_{};
  bool loaded_ = false;
};

PacketBuilder syn(const char* from, const char* to) {
  return PacketBuilder::tcp(from, to).syn();
}

TEST_F(InterpreterTest, TrafficThroughTheNodeLosesATtlAndNothingElse) {
  const Outcome& outcome = run(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build());
  EXPECT_EQ(outcome.emissions[0].place, Place{kUplink});
  EXPECT_EQ(packet_of(outcome), syn("10.180.0.9:4000", "203.0.113.1:80").ttl(63).build());
}

TEST_F(InterpreterTest, TrafficForTheNodeIsDelivered) {
  const Outcome& outcome = run(kUplink, syn("203.0.113.1:4000", "192.168.0.2:22").build());
  EXPECT_TRUE(outcome.emissions[0].place.is_sockets());
  EXPECT_EQ(packet_of(outcome), syn("203.0.113.1:4000", "192.168.0.2:22").build());
}

TEST_F(InterpreterTest, TrafficOfTheNodeKeepsItsTtl) {
  const Outcome& outcome = run(0, syn("192.168.0.2:4000", "203.0.113.1:80").build());
  EXPECT_EQ(packet_of(outcome), syn("192.168.0.2:4000", "203.0.113.1:80").build());
}

TEST_F(InterpreterTest, TrafficOfTheNodeToItselfLoops) {
  chain(TableName::kFilter, "OUTPUT") = {RuleBuilder().out("lo").leave()};
  chain(TableName::kFilter, "INPUT") = {RuleBuilder().in("lo").accept(), RuleBuilder().drop()};
  const Outcome& outcome = run(0, syn("192.168.0.2:4000", "192.168.0.2:80").build());
  EXPECT_TRUE(outcome.emissions[0].place.is_sockets());
}

TEST_F(InterpreterTest, ADroppedFirstPacketLeavesNoConnection) {
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().drop()};
  pass(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build());
  EXPECT_EQ(state_.flows.connections.size(), 0U);
}

TEST_F(InterpreterTest, AnAcceptedFirstPacketLeavesOne) {
  pass(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build());
  EXPECT_EQ(state_.flows.connections.size(), 1U);
}

// Some kernels follow them by ports, keys and checksums.
TEST_F(InterpreterTest, WhatConntrackFollowsOtherwiseIsUnknown) {
  constexpr uint8_t kDccp = 33, kGre = 47, kUdpLite = 136, kPlain = 0, kPptp = 1;
  const auto packet = [](uint8_t protocol, uint8_t version) {
    const Bytes header{0, version, 0x88, 0x0b, 0, 4, 0, 7};
    return PacketBuilder::ip("10.180.0.9", "203.0.113.1", protocol).payload(header).build();
  };
  EXPECT_TRUE(run(kPod1, packet(kDccp, 0)).undecided);
  EXPECT_TRUE(run(kPod1, packet(kUdpLite, 0)).undecided);
  EXPECT_TRUE(run(kPod1, packet(kGre, kPptp)).undecided);
  EXPECT_FALSE(run(kPod1, packet(kGre, kPlain)).undecided);
  const auto error = [&](uint8_t protocol) {
    return PacketBuilder::icmp("203.0.113.1", "10.180.0.9", 3, 3)
        .payload(packet(protocol, 0))
        .build();
  };
  EXPECT_TRUE(run(kUplink, error(kUdpLite)).undecided);
  EXPECT_FALSE(run(kUplink, error(kGre)).undecided);
}

TEST_F(InterpreterTest, TheSecurityTableComesAfterTheFilter) {
  chain(TableName::kSecurity, "FORWARD") = {RuleBuilder().mark(1, 1).drop()};
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().or_mark(1)};
  EXPECT_EQ(run(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build()).emissions.size(), 0U);
}

TEST_F(InterpreterTest, NatRulesAreAskedOncePerConnection) {
  chain(TableName::kNat, "PREROUTING") = {RuleBuilder().protocol(kTcp).dnat("203.0.113.2:8080")};
  pass(kPod1, syn("10.180.0.9:4000", "10.96.0.10:80").build());
  chain(TableName::kNat, "PREROUTING").clear();
  load();
  const Outcome& again = run(kPod1, syn("10.180.0.9:4000", "10.96.0.10:80").build());
  EXPECT_EQ(packet_of(again), syn("10.180.0.9:4000", "203.0.113.2:8080").ttl(63).build());
  EXPECT_FALSE(again.endpoint) << "no rule chose it for this packet";
}

TEST_F(InterpreterTest, ADnatedPacketOfTheNodeIsRoutedAgain) {
  chain(TableName::kNat, "OUTPUT") = {RuleBuilder().protocol(kTcp).dnat("10.180.0.9:8080")};
  const Outcome& outcome = run(0, syn("192.168.0.2:4000", "10.96.0.10:80").build());
  EXPECT_EQ(outcome.emissions[0].place, Place{kPod1});
}

TEST_F(InterpreterTest, WithoutRouteLocalnetLoopbackSourcesDoNotLeaveThatWay) {
  world_.sysctls.route_localnet = false;
  chain(TableName::kNat, "OUTPUT") = {RuleBuilder().protocol(kTcp).dnat("10.180.0.9:8080")};
  EXPECT_TRUE(run(0, syn("127.0.0.1:4000", "127.0.0.1:80").build()).emissions.empty());
}

TEST_F(InterpreterTest, MasqueradeTakesTheAddressOfTheWayOutAndDrawsAPort) {
  chain(TableName::kNat, "POSTROUTING") = {RuleBuilder().masquerade()};
  const Outcome& outcome = pass(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build(), 5555);
  EXPECT_TRUE(outcome.masquerade);
  EXPECT_EQ(packet_of(outcome), syn("192.168.0.2:0", "203.0.113.1:80").ttl(63).build());
  ASSERT_TRUE(outcome.emissions[0].free_port);
  EXPECT_EQ(outcome.emissions[0].free_port->packet_offset, 20);
  EXPECT_EQ(outcome.emissions[0].free_port->first, 1024);

  const Outcome& reply =
      run(kUplink, PacketBuilder::tcp("203.0.113.1:80", "192.168.0.2:5555").syn().ack(2).build());
  EXPECT_EQ(packet_of(reply),
            PacketBuilder::tcp("203.0.113.1:80", "10.180.0.9:4000").syn().ack(2).ttl(63).build());
}

TEST_F(InterpreterTest, AMasqueradedConnectionThatLeavesAnotherWayIsKilled) {
  chain(TableName::kNat, "POSTROUTING") = {RuleBuilder().masquerade()};
  pass(0, syn("192.168.0.2:4000", "203.0.113.1:80").build(), 5555);
  Connection moved = state_.flows.connections[0];
  moved.masquerade_interface = kPod1;
  state_.flows.connections.update(0, moved);
  EXPECT_TRUE(pass(0, syn("192.168.0.2:4000", "203.0.113.1:80").build()).emissions.empty());
  EXPECT_EQ(state_.flows.connections.size(), 0U);
}

TEST_F(InterpreterTest, ARejectedPacketIsAnsweredByTheNode) {
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().reject()};
  const Bytes offending = syn("10.180.0.9:4000", "203.0.113.1:80").build();
  const Outcome& outcome = run(kPod1, offending);
  EXPECT_TRUE(outcome.rejected);
  EXPECT_EQ(outcome.emissions[0].place, Place{kPod1});
  EXPECT_TRUE(outcome.emissions[0].free_identification);
  EXPECT_EQ(packet_of(outcome),
            make_icmp_error(syn("10.180.0.9:4000", "203.0.113.1:80").ttl(63).build(),
                            IcmpError::port_unreachable(Family::kIpv4),
                            IpAddress::parse("192.168.0.2").value())
                .value())
      << "what is quoted was already forwarded, and has lost a TTL";
}

TEST_F(InterpreterTest, ARejectedPacketOfTheNodeIsAnsweredToItsSockets) {
  chain(TableName::kFilter, "OUTPUT") = {RuleBuilder().protocol(kTcp).reject()};
  const Outcome& outcome = run(0, syn("192.168.0.2:4000", "203.0.113.1:80").build());
  EXPECT_TRUE(outcome.rejected);
  EXPECT_TRUE(outcome.emissions[0].place.is_sockets());
}

TEST_F(InterpreterTest, TheAnswerToARejectedDnatedPacketIsTranslatedBack) {
  chain(TableName::kNat, "PREROUTING") = {RuleBuilder().protocol(kTcp).dnat("203.0.113.1:8080")};
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().protocol(kTcp).reject()};
  const Bytes error = packet_of(run(kPod1, syn("10.180.0.9:4000", "10.96.0.10:80").build()));
  const auto view = parse_packet(error).value();
  EXPECT_EQ(view.source.to_string(), "10.96.0.10");
  const auto quoted =
      parse_quoted_packet(ByteView(error).subspan(view.transport_offset + kIcmpHeaderSize));
  EXPECT_EQ(quoted->destination_endpoint().to_string(), "10.96.0.10:80");
}

TEST_F(InterpreterTest, APacketWithAWrongChecksumIsRejectedInSilence) {
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().reject()};
  const Outcome& outcome =
      run(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").bad_transport_checksum().build());
  EXPECT_TRUE(outcome.rejected);
  EXPECT_TRUE(outcome.emissions.empty());
}

TEST_F(InterpreterTest, AWrongChecksumMakesAPacketInvalid) {
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().states(kStateInvalid).drop()};
  EXPECT_TRUE(run(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").bad_transport_checksum().build())
                  .emissions.empty());
  EXPECT_FALSE(run(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build()).emissions.empty());
}

TEST_F(InterpreterTest, ExhaustedTtlIsAnswered) {
  const Bytes error =
      packet_of(run(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").ttl(1).build()));
  EXPECT_EQ(error, make_icmp_error(syn("10.180.0.9:4000", "203.0.113.1:80").ttl(1).build(),
                                   IcmpError::time_exceeded(Family::kIpv4),
                                   IpAddress::parse("192.168.0.2").value())
                       .value());
}

TEST_F(InterpreterTest, AnErrorAboutATranslatedPacketQuotesWhatTheSenderSent) {
  chain(TableName::kNat, "PREROUTING") = {RuleBuilder().protocol(kTcp).dnat("203.0.113.1:8080")};
  const Bytes error = packet_of(run(kPod1, syn("10.180.0.9:4000", "10.96.0.10:80").ttl(1).build()));
  const auto view = parse_packet(error).value();
  EXPECT_EQ(view.source.to_string(), "10.96.0.10");
  const auto quoted =
      parse_quoted_packet(ByteView(error).subspan(view.transport_offset + kIcmpHeaderSize));
  EXPECT_EQ(quoted->destination_endpoint().to_string(), "10.96.0.10:80");
}

TEST_F(InterpreterTest, AnErrorFromBeyondIsRelatedAndTranslatedBack) {
  chain(TableName::kNat, "POSTROUTING") = {RuleBuilder().masquerade()};
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().states(kStateNew | kStateRelated).accept(),
                                          RuleBuilder().drop()};
  Bytes left = packet_of(pass(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build(), 5555));
  left = syn("192.168.0.2:5555", "203.0.113.1:80").ttl(60).build();
  const Bytes error = make_icmp_error(left, IcmpError::host_unreachable(Family::kIpv4),
                                      IpAddress::parse("198.51.100.9").value())
                          .value();
  const Outcome& outcome = run(kUplink, error);
  ASSERT_EQ(outcome.emissions.size(), 1U);
  const auto view = parse_packet(outcome.emissions[0].packet).value();
  EXPECT_EQ(view.source.to_string(), "198.51.100.9");
  EXPECT_EQ(view.destination.to_string(), "10.180.0.9");
}

TEST_F(InterpreterTest, AnErrorAboutAnUnknownFlowIsInvalid) {
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().states(kStateInvalid).drop()};
  const Bytes error = make_icmp_error(syn("10.180.0.9:4000", "203.0.113.1:80").build(),
                                      IcmpError::host_unreachable(Family::kIpv4),
                                      IpAddress::parse("198.51.100.9").value())
                          .value();
  EXPECT_TRUE(run(kUplink, error).emissions.empty());
}

TEST_F(InterpreterTest, NeighbourDiscoveryIsNotTracked) {
  chain(TableName::kFilter, "INPUT", Family::kIpv6) = {
      RuleBuilder().states(kStateUntracked).accept(), RuleBuilder().drop()};
  constexpr uint8_t kNeighbourSolicitation = 135;
  const Bytes packet =
      PacketBuilder::icmp("2001:db8::1", "2001:db8::2", kNeighbourSolicitation, 0).ttl(255).build();
  EXPECT_FALSE(run(kUplink, packet).emissions.empty());
}

TEST_F(InterpreterTest, ADroppedPacketOfALiveConnectionStillMovesItOn) {
  pass(kPod1, syn("10.180.0.9:4000", "203.0.113.1:80").build());
  chain(TableName::kFilter, "FORWARD") = {RuleBuilder().drop()};
  load();
  pass(kUplink, PacketBuilder::tcp("203.0.113.1:80", "10.180.0.9:4000").syn().ack(2).build());
  EXPECT_TRUE(state_.flows.connections[0].seen_reply);
}

TEST_F(InterpreterTest, WithoutRulesThereIsNoConntrack) {
  interpreter_.run({.ingress = {kPod1}, .packet = syn("10.180.0.9:4000", "203.0.113.1:80").build()},
                   state_, now_, outcomes_);
  EXPECT_EQ(outcomes_.change(0).kind, StateChange::Kind::kNone);
  EXPECT_EQ(outcomes_.outcomes()[0].emissions.size(), 1U);
}

TEST_F(InterpreterTest, APacketWhoseConnectionClashesIsDropped) {
  constexpr uint8_t kEsp = 50;
  chain(TableName::kNat, "POSTROUTING") = {RuleBuilder().masquerade()};
  const auto esp = [](const char* from) {
    return PacketBuilder::ip(from, "203.0.113.1", kEsp).payload("12345678").build();
  };
  EXPECT_EQ(pass(kPod1, esp("10.180.0.9")).emissions.size(), 1U);
  EXPECT_TRUE(run(kPod2, esp("10.180.0.10")).emissions.empty())
      << "both would be answered to the node's address, without ports to tell them apart";
}

TEST_F(InterpreterTest, GarbageIsDropped) {
  EXPECT_TRUE(run(kUplink, {}).emissions.empty());
  EXPECT_TRUE(run(kUplink, Bytes(3, 0x45)).emissions.empty());
  EXPECT_TRUE(run(kUplink, Bytes(60, 0xff)).emissions.empty());
  EXPECT_TRUE(run(0, Bytes(60, 0xff)).emissions.empty());
}

}  // namespace
}  // namespace kubeproof::netfilter
