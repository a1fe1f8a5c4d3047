#include "model/netfilter/connection_table.h"

#include <gtest/gtest.h>

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

FlowTuple tuple(const char* source, const char* destination) {
  const auto from = SocketAddress::parse(source).value();
  const auto to = SocketAddress::parse(destination).value();
  return {from.address, to.address, from.port, to.port, kUdp};
}

// Until second 30.
Connection connection(const FlowTuple& original, const FlowTuple& reply) {
  Connection made;
  made.original = original;
  made.reply = reply;
  made.deadline = 30s;
  return made;
}

const FlowTuple kOriginal = tuple("10.0.0.1:1000", "10.96.0.1:53");
const FlowTuple kReply = tuple("10.180.0.1:5353", "10.0.0.1:1000");

TEST(ConnectionTableTest, FindsAConnectionByBothOfItsTuples) {
  ConnectionTable table;
  const auto id = table.insert(connection(kOriginal, kReply), 0s);
  EXPECT_EQ(table.find(kOriginal, 1s)->id, id);
  EXPECT_EQ(table.find(kOriginal, 1s)->direction, Direction::kOriginal);
  EXPECT_EQ(table.find(kReply, 1s)->id, id);
  EXPECT_EQ(table.find(kReply, 1s)->direction, Direction::kReply);
  EXPECT_FALSE(table.find(kReply.inverse(), 1s));
}

TEST(ConnectionTableTest, OfAConnectionToItselfTheReplyIsFound) {
  ConnectionTable table;
  const FlowTuple own = tuple("10.0.0.1:1000", "10.0.0.1:1000");
  const auto id = table.insert(connection(own, own.inverse()), 0s);
  EXPECT_EQ(table.find(own, 1s)->id, id);
  EXPECT_EQ(table.find(own, 1s)->direction, Direction::kReply);
  table.erase(id);
  EXPECT_FALSE(table.find(own, 1s));
}

TEST(ConnectionTableTest, ConnectionsAreGoneAtTheirDeadline) {
  ConnectionTable table;
  table.insert(connection(kOriginal, kReply), 0s);
  EXPECT_TRUE(table.find(kOriginal, 30s - 1ns));
  EXPECT_FALSE(table.find(kOriginal, 30s));
  EXPECT_FALSE(table.find(kReply, 30s));
}

TEST(ConnectionTableTest, ANewConnectionTakesThePlaceOfOneWhoseTimeIsOver) {
  ConnectionTable table;
  table.insert(connection(kOriginal, kReply), 0s);
  Connection next = connection(kOriginal, kOriginal.inverse());
  next.deadline = 60s;
  const auto id = table.insert(next, 31s);
  EXPECT_EQ(table.find(kOriginal, 32s)->id, id);
  EXPECT_FALSE(table.find(kReply, 32s));
}

TEST(ConnectionTableTest, TuplesOfOtherConnectionsAreTaken) {
  ConnectionTable table;
  const auto id = table.insert(connection(kOriginal, kReply), 0s);
  const Connection other = connection(tuple("10.0.0.1:1000", "10.180.0.1:5353"), kReply);
  EXPECT_TRUE(table.taken(kReply, other, std::nullopt, 1s));
  EXPECT_FALSE(table.taken(kReply, other, id, 1s)) << "that one is about to go";
  EXPECT_FALSE(table.taken(kReply, other, std::nullopt, 30s)) << "its time is over";
  EXPECT_FALSE(table.taken(kReply, connection(kOriginal, kReply), std::nullopt, 1s))
      << "it is the same flow";
}

TEST(ConnectionTableTest, ErasedConnectionsAreForgotten) {
  ConnectionTable table;
  table.erase(table.insert(connection(kOriginal, kReply), 0s));
  EXPECT_FALSE(table.find(kOriginal, 1s));
  EXPECT_FALSE(table.find(kReply, 1s));
  EXPECT_EQ(table.size(), 0U);
}

TEST(ConnectionTableTest, ADrawnPortIsFoundOnceItIsKnown) {
  ConnectionTable table;
  Connection drawn = connection(kOriginal, tuple("10.180.0.1:5353", "192.168.0.2:0"));
  drawn.drawn_from = PortRange{1024, 65535};
  const auto id = table.insert(drawn, 0s);
  table.update(id, drawn.with_drawn_port(2000));
  const auto found = table.find(tuple("10.180.0.1:5353", "192.168.0.2:2000"), 1s);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->direction, Direction::kReply);
}

TEST(ConnectionTableTest, VisitsFlowsOfTheSameSourceNewestFirst) {
  ConnectionTable table;
  for (const char* destination : {"10.180.0.1:1", "10.180.0.2:2", "10.180.0.3:3"}) {
    const FlowTuple original = tuple("10.0.0.1:1000", destination);
    Connection translated = connection(original, original.inverse());
    translated.source_nat = true;
    table.insert(translated, 0s);
  }
  std::vector<uint16_t> ports;
  table.visit_same_source(kOriginal, 1s, [&](const Connection& each) {
    ports.push_back(each.original.destination_port);
    return false;
  });
  EXPECT_EQ(ports, (std::vector<uint16_t>{3, 2, 1}));
}

TEST(ConnectionTableTest, WhatIsOverDoesNotPileUp) {
  ConnectionTable table;
  for (int i = 0; i < 10000; ++i) {
    const FlowTuple original = tuple(("10.0.0.1:" + std::to_string(i + 1)).c_str(), "10.96.0.1:53");
    Connection next = connection(original, original.inverse());
    const Instant now = std::chrono::seconds(i);
    next.deadline = now + 10s;
    table.insert(next, now);
  }
  EXPECT_LT(table.size(), 100U);
}

}  // namespace
}  // namespace kubeproof::netfilter
