// SCTP associations, through the kernel and through the interpreter.
#include <gtest/gtest.h>

#include <random>

#include "model/netfilter/sctp_chunks.h"
#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

constexpr uint32_t kClientTag = 0x11111111;
constexpr uint32_t kServerTag = 0x22222222;

Bytes chunk(uint8_t type, uint8_t flags = 0, const Bytes& body = {}) {
  const size_t size = 4 + body.size();
  Bytes bytes = {type, flags, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
  bytes.insert(bytes.end(), body.begin(), body.end());
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

// INIT or INIT ACK.
Bytes initiation(uint8_t type, uint32_t tag) {
  Bytes body(16);
  store32(body, 0, tag);
  store32(body, 4, 65535);
  store32(body, 8, 0x00010001);
  store32(body, 12, 1);
  return chunk(type, 0, body);
}

Bytes both(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class SctpTest : public TwinNodes {
 protected:
  void SetUp() override {
    TwinNodes::SetUp();
    if (IsSkipped()) return;
    chain(TableName::kNat, "PREROUTING") = {
        RuleBuilder().to("10.96.0.10/32").protocol(kSctp).dnat("10.180.0.10:3868")};
    chain(TableName::kNat,
          "POSTROUTING") = {RuleBuilder().to("203.0.113.0/24").protocol(kSctp).masquerade()};
  }

  void client(uint32_t tag, const Bytes& chunks) {
    send(kPod1, PacketBuilder::sctp("10.180.0.9:5000", "10.96.0.10:3868")
                    .seq(tag)
                    .payload(ByteView(chunks))
                    .build());
  }
  void server(uint32_t tag, const Bytes& chunks) {
    send(kPod2, PacketBuilder::sctp("10.180.0.10:3868", "10.180.0.9:5000")
                    .seq(tag)
                    .payload(ByteView(chunks))
                    .build());
  }
  void establish() {
    client(0, initiation(kSctpInit, kClientTag));
    server(kClientTag, initiation(kSctpInitAck, kServerTag));
    client(kServerTag, chunk(kSctpCookieEcho));
    server(kClientTag, chunk(kSctpCookieAck));
  }
};

TEST_F(SctpTest, AnAssociationFromHandshakeToShutdown) {
  client(0, initiation(kSctpInit, kClientTag));
  expect_same_flows();
  server(kClientTag, initiation(kSctpInitAck, kServerTag));
  expect_same_flows();
  client(kServerTag, chunk(kSctpCookieEcho));
  expect_same_flows();
  server(kClientTag, chunk(kSctpCookieAck));
  expect_same_flows();
  client(kServerTag, chunk(kSctpData, 3, Bytes(16)));
  server(kClientTag, chunk(3, 0, Bytes(12)));
  expect_same_flows();
  client(kServerTag, chunk(kSctpShutdown, 0, Bytes(4)));
  expect_same_flows();
  server(kClientTag, chunk(kSctpShutdownAck));
  client(kServerTag, chunk(kSctpShutdownComplete));
  expect_same_flows();
}

TEST_F(SctpTest, WrongTagsAreNoPartOfTheAssociation) {
  establish();
  client(7, chunk(kSctpData, 3, Bytes(16)));
  server(7, chunk(kSctpData, 3, Bytes(16)));
  client(7, chunk(kSctpAbort));
  client(kClientTag, chunk(kSctpAbort));
  expect_same_flows();
  client(kClientTag, chunk(kSctpAbort, 1));
  expect_same_flows();
}

TEST_F(SctpTest, OutOfTheBlue) {
  client(7, chunk(kSctpData, 3, Bytes(16)));
  client(7, chunk(kSctpAbort));
  client(7, chunk(kSctpCookieAck));
  client(7, chunk(kSctpShutdownComplete));
  client(7, initiation(kSctpInit, kClientTag));
  client(0, chunk(kSctpInit));
  expect_same_flows();
  client(7, chunk(kSctpShutdownAck));
  expect_same_flows();
}

TEST_F(SctpTest, HeartbeatsOfAnotherPath) {
  client(kServerTag, chunk(kSctpHeartbeat, 0, Bytes(8)));
  expect_same_flows();
  server(kClientTag, chunk(kSctpHeartbeatAck, 0, Bytes(8)));
  expect_same_flows();
  client(9, chunk(kSctpHeartbeat, 0, Bytes(8)));
  server(10, chunk(kSctpHeartbeatAck, 0, Bytes(8)));
  expect_same_flows();
  client(9, chunk(kSctpData, 3, Bytes(16)));
  client(kServerTag, chunk(kSctpData, 3, Bytes(16)));
}

// From Linux 6.18 on: sent again, it does not make the peer one that began an association.
TEST_F(SctpTest, AnInitSentAgainSaysNothingNew) {
  server(7, chunk(kSctpShutdownAck));
  client(0, initiation(kSctpInit, kClientTag));
  server(kClientTag, chunk(kSctpCookieAck));
  client(0, initiation(kSctpInit, kClientTag));
  server(kClientTag, initiation(kSctpInitAck, kServerTag));
  expect_same_flows();
}

TEST_F(SctpTest, ChunksThatMustStandAlone) {
  client(0, both(initiation(kSctpInit, kClientTag), chunk(kSctpData, 3, Bytes(16))));
  client(0, both(chunk(kSctpData, 3, Bytes(16)), initiation(kSctpInit, kClientTag)));
  establish();
  client(kServerTag, both(chunk(kSctpData, 3, Bytes(16)), chunk(kSctpCookieEcho)));
  client(kServerTag, both(chunk(kSctpCookieEcho), chunk(kSctpData, 3, Bytes(16))));
  client(kServerTag, {});
  client(kServerTag, {0, 3, 0, 0});
  expect_same_flows();
}

TEST_F(SctpTest, WrongChecksumsAreInvalid) {
  send(kPod1,
       PacketBuilder::sctp("10.180.0.9:5000", "10.96.0.10:3868").bad_transport_checksum().build());
  expect_same_flows();
}

TEST_F(SctpTest, MasqueradedPortsGetANewChecksum) {
  send(kPod1, PacketBuilder::sctp("10.180.0.9:5000", "203.0.113.1:3868").build());
  send(kPod1, PacketBuilder::sctp("10.180.0.9:5001", "203.0.113.1:3868").build());
  expect_same_flows();
}

TEST_F(SctpTest, TimeEndsAssociations) {
  establish();
  advance(200);
  client(kServerTag, chunk(kSctpData, 3, Bytes(16)));
  expect_same_flows();
  advance(215);
  client(kServerTag, chunk(kSctpData, 3, Bytes(16)));
  expect_same_flows();
}

TEST_F(SctpTest, ArbitraryChunksInArbitraryOrder) {
  std::mt19937 random(7);
  const auto pick = [&](uint32_t below) { return random() % below; };
  for (int round = 0; round < 30 && !HasFailure(); ++round) {
    if (pick(2) == 0) establish();
    for (int i = 0; i < 12 && !HasFailure(); ++i) {
      const uint8_t type =
          pick(3) == 0 ? static_cast<uint8_t>(pick(16)) : uint8_t(pick(3) + 9 * pick(2));
      const uint32_t tags[] = {0, kClientTag, kServerTag, kServerTag, kClientTag, 9};
      const uint32_t tag = tags[pick(6)];
      Bytes chunks = type == kSctpInit || type == kSctpInitAck
                         ? initiation(type, pick(2) == 0 ? kClientTag : kServerTag)
                         : chunk(type, static_cast<uint8_t>(pick(2)), Bytes(8));
      if (pick(8) == 0) chunks = both(chunk(static_cast<uint8_t>(pick(16))), chunks);
      if (pick(2) == 0) {
        client(tag, chunks);
      } else {
        server(tag, chunks);
      }
    }
    expect_same_flows();
    advance(400);
  }
}

}  // namespace
}  // namespace kubeproof::netfilter
