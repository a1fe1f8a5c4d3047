// TCP connections, through the kernel and through the interpreter.
#include <gtest/gtest.h>

#include <random>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

class TcpTest : public TwinNodes {
 protected:
  void SetUp() override {
    TwinNodes::SetUp();
    if (IsSkipped()) return;
    chain(TableName::kNat, "PREROUTING") = {
        RuleBuilder().to("10.96.0.10/32").protocol(kTcp).dnat("10.180.0.10:8080")};
  }

  static PacketBuilder from_client() {
    return PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80");
  }
  static PacketBuilder from_server() {
    return PacketBuilder::tcp("10.180.0.10:8080", "10.180.0.9:4000");
  }
  void client(const PacketBuilder& packet) { send(kPod1, packet.build()); }
  void server(const PacketBuilder& packet) { send(kPod2, packet.build()); }

  void establish() {
    client(from_client().syn().seq(1000));
    server(from_server().syn().seq(5000).ack(1001));
    client(from_client().seq(1001).ack(5001));
  }

  // A conversation of segments that are as likely wrong as right: the numbers stay near those that
  // the sides are at.
  void converse(uint32_t seed, int segments) {
    std::mt19937 random(seed);
    const auto pick = [&](uint32_t below) { return static_cast<uint32_t>(random() % below); };
    uint32_t next[2] = {1001, 5001};
    if (pick(4) != 0) establish();
    for (int i = 0; i < segments && !HasFailure(); ++i) {
      const uint32_t by = pick(2);
      PacketBuilder packet = by == 0 ? from_client() : from_server();
      constexpr uint32_t kOffsets[] = {0, 0, 0, 0, 0, 1, 0xffffffff, 1400, 70000, 0xfffe0000};
      constexpr uint8_t kFlags[] = {0x10, 0x10, 0x10, 0x10, 0x18, 0x02, 0x02, 0x12,
                                    0x11, 0x11, 0x04, 0x14, 0x10, 0x00, 0x01, 0x03};
      packet.ack(next[1 - by] + kOffsets[pick(10)]).flags(kFlags[pick(16)]);
      packet.seq(next[by] + kOffsets[pick(10)]);
      Bytes options;
      if (pick(3) == 0) options = {3, 3, static_cast<uint8_t>(pick(10)), 1, 4, 2, 1, 1};
      if (pick(8) == 0) {
        options = {5, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1};
        store32(options, 2, next[1 - by]);
        store32(options, 6, next[1 - by] + 100);
      }
      if (!options.empty()) packet.tcp_options(options);
      const uint32_t size = pick(3) == 0 ? pick(3) * 700 : 0;
      if (size > 0) packet.payload_size(size);
      constexpr uint16_t kWindows[] = {64240, 64240, 100, 0};
      packet.window(kWindows[pick(4)]);
      if (pick(2) == 0) next[by] += size;
      if (by == 0) {
        client(packet);
      } else {
        server(packet);
      }
      if (pick(10) == 0) advance(pick(2) == 0 ? 5 : 100);
    }
    expect_same_flows();
  }
};

TEST_F(TcpTest, AConnectionFromHandshakeToClose) {
  client(from_client().syn().seq(1000));
  expect_same_flows();
  server(from_server().syn().seq(5000).ack(1001));
  expect_same_flows();
  client(from_client().seq(1001).ack(5001));
  expect_same_flows();
  client(from_client().seq(1001).ack(5001).payload_size(100));
  expect_same_flows();
  server(from_server().seq(5001).ack(1101));
  expect_same_flows();
  client(from_client().fin().seq(1101).ack(5001));
  expect_same_flows();
  server(from_server().fin().seq(5001).ack(1102));
  expect_same_flows();
  client(from_client().seq(1102).ack(5002));
  expect_same_flows();
}

TEST_F(TcpTest, AResetOfASimultaneousOpen) {
  for (const uint32_t ahead : {0U, 9U}) {
    client(from_client().syn().seq(1000));
    server(from_server().syn().seq(5000));
    expect_same_flows();
    server(from_server().rst().seq(5001 + ahead));
    expect_same_flows();
    server(from_server().seq(5001 + ahead).ack(1009));
    expect_same_flows();
    advance(90000);
  }
}

TEST_F(TcpTest, AResetFarAheadAnswersTheSynOfASimultaneousOpen) {
  for (const bool by_client : {true, false}) {
    client(from_client().syn().seq(1000));
    server(from_server().syn().seq(5000));
    if (by_client) {
      client(from_client().rst().seq(1001 + (1U << 30)));
    } else {
      server(from_server().rst().seq(5001 + (1U << 30)));
    }
    expect_same_flows();
    advance(90000);
  }
}

TEST_F(TcpTest, ConversationsOfArbitrarySegments) {
  for (uint32_t seed = 0; seed < 12 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    converse(seed, 25);
    advance(90000);
  }
}

TEST_F(TcpTest, ConversationsOfArbitrarySegmentsWhenLiberal) {
  world_.sysctls.tcp_be_liberal = true;
  for (uint32_t seed = 100; seed < 106 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    converse(seed, 25);
    advance(90000);
  }
}

TEST_F(TcpTest, ConversationsOfArbitrarySegmentsWithoutLoosePickUp) {
  world_.sysctls.tcp_loose = false;
  for (uint32_t seed = 200; seed < 206 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    converse(seed, 25);
    advance(90000);
  }
}

}  // namespace
}  // namespace kubeproof::netfilter
