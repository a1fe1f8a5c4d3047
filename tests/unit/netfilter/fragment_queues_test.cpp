#include "model/netfilter/fragment_queues.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;
using Status = FragmentQueue::Status;

std::vector<Bytes> datagram(size_t size, size_t piece, const char* from = "10.0.0.1:1000",
                            const char* to = "10.0.0.2:53") {
  return PacketBuilder::udp(from, to).payload_size(size).build_fragments(piece);
}

Status add(FragmentQueue& queue, const Bytes& packet) {
  const PacketView view = parse_packet(packet).value();
  return queue.add(Fragment::of(packet, view).value(), view);
}

TEST(FragmentQueueTest, PutsADatagramTogetherInAnyOrder) {
  const auto pieces = datagram(100, 48);
  FragmentQueue queue(0s, Family::kIpv4);
  EXPECT_EQ(add(queue, pieces[2]), Status::kWaiting);
  EXPECT_EQ(add(queue, pieces[0]), Status::kWaiting);
  EXPECT_EQ(add(queue, pieces[1]), Status::kComplete);
  const auto whole = queue.reassemble();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->packet, PacketBuilder::udp("10.0.0.1:1000", "10.0.0.2:53")
                               .payload_size(100)
                               .dont_fragment(false)
                               .build());
  EXPECT_EQ(whole->largest_fragment, 68U);
}

TEST(FragmentQueueTest, TakesTheFragmentHeaderOutOfIpv6) {
  const auto pieces = datagram(100, 48, "[fd00::1]:1000", "[fd00::2]:53");
  FragmentQueue queue(0s, Family::kIpv6);
  add(queue, pieces[1]);
  add(queue, pieces[2]);
  EXPECT_EQ(add(queue, pieces[0]), Status::kComplete);
  EXPECT_EQ(queue.reassemble()->packet,
            PacketBuilder::udp("[fd00::1]:1000", "[fd00::2]:53").payload_size(100).build());
}

TEST(FragmentQueueTest, WhatRepeatsAPieceIsRefusedAndWhatOverlapsSpoilsAll) {
  const auto pieces = datagram(200, 48);
  const auto larger = datagram(200, 80);
  FragmentQueue queue(0s, Family::kIpv4);
  add(queue, larger[0]);
  EXPECT_EQ(add(queue, pieces[0]), Status::kRefused);
  EXPECT_EQ(add(queue, pieces[1]), Status::kSpoilt);
}

TEST(FragmentQueueTest, MoreThanAPacketCanHoldIsNotPutTogether) {
  Bytes last = datagram(100, 48).back();
  store16(last, 6, 0x1fff);
  store16(last, 2, 44);
  last.resize(44);
  auto pieces = datagram(65500, 65496);
  FragmentQueue queue(0s, Family::kIpv4);
  add(queue, pieces[0]);
  EXPECT_NE(add(queue, last), Status::kComplete);
  EXPECT_FALSE(queue.reassemble());
}

// ipfrag_time is 30 seconds, nf_conntrack_frag6_timeout 60.
TEST(FragmentQueuesTest, WaitForAWhile) {
  FragmentQueues queues;
  const DatagramKey key{.identification = 1};
  queues.put(key, FragmentQueue(100s, Family::kIpv4), 100s);
  EXPECT_NE(queues.find(key, 130s - 1ns), nullptr);
  EXPECT_EQ(queues.find(key, 130s), nullptr);
  queues.put(key, FragmentQueue(100s, Family::kIpv6), 100s);
  EXPECT_NE(queues.find(key, 160s - 1ns), nullptr);
  EXPECT_EQ(queues.find(key, 160s), nullptr);
}

TEST(FragmentQueuesTest, DatagramsOfTheNodeAndOfOthersAreNotMixed) {
  FragmentQueues queues;
  queues.put({.identification = 1, .outgoing = true}, FragmentQueue(0s, Family::kIpv4), 0s);
  EXPECT_EQ(queues.find({.identification = 1}, 1s), nullptr);
}

}  // namespace
}  // namespace kubeproof::netfilter
