// What comes between the fragments of a datagram is told with those that come behind.
#include "replay/compare/interruptions.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

const std::string kClient = "10.180.0.9:4000", kFrontend = "10.96.0.10:53",
                  kOtherFrontend = "203.0.113.1:53", kEndpoint = "10.180.1.5:5353";

PacketBuilder udp(const std::string& from, const std::string& to) {
  return PacketBuilder::udp(from, to).payload_size(40).dont_fragment(false);
}

class InterruptionsTest : public testing::Test {
 protected:
  InterruptionsTest() { note(came_[0], {}, {left_[0]}); }

  const Interrupted* note(const Bytes& packet, const std::vector<Bytes>& whole,
                          const std::vector<Bytes>& pieces) {
    std::vector<Seen> all, parts;
    for (const Bytes& one : whole) all.push_back({one, std::nullopt});
    for (const Bytes& one : pieces) parts.push_back({one, std::nullopt});
    return interruptions_.note(*parse_packet(packet), all, parts);
  }
  void other(const std::string& from, const std::string& to, const std::string& led_to) {
    note(udp(from, to).build(), {udp(from, led_to).build()}, {});
  }
  const Interrupted* rest() { return note(came_[1], {}, {left_[1]}); }

  Interruptions interruptions_;
  const std::vector<Bytes> came_ = udp(kClient, kFrontend).identification(7).build_fragments(32);
  const std::vector<Bytes> left_ = udp(kClient, kEndpoint).identification(7).build_fragments(32);
};

TEST_F(InterruptionsTest, NothingComesBetween) {
  const Interrupted* interrupted = rest();
  ASSERT_NE(interrupted, nullptr);
  EXPECT_EQ(interrupted->left.destination_endpoint().to_string(), kEndpoint);
  EXPECT_FALSE(interrupted->tuple_taken);
  EXPECT_FALSE(interrupted->begun_otherwise);
}

TEST_F(InterruptionsTest, OtherConversationsTakeNothing) {
  other("10.180.0.9:4001", kOtherFrontend, kEndpoint);
  other(kClient, kOtherFrontend, "10.180.1.6:5353");
  EXPECT_FALSE(rest()->tuple_taken);
  EXPECT_FALSE(rest()->begun_otherwise);
}

TEST_F(InterruptionsTest, AnotherFlowTakesTheTuple) {
  other(kClient, kOtherFrontend, kEndpoint);
  EXPECT_TRUE(rest()->tuple_taken);
  EXPECT_FALSE(rest()->begun_otherwise);
}

TEST_F(InterruptionsTest, SoDoesOneThatLooksLikeAnAnswer) {
  other(kEndpoint, kClient, kClient);
  EXPECT_TRUE(rest()->tuple_taken);
}

TEST_F(InterruptionsTest, AnotherPacketBeginsTheFlow) {
  other(kClient, kFrontend, kEndpoint);
  EXPECT_FALSE(rest()->tuple_taken);
  EXPECT_TRUE(rest()->begun_otherwise);
}

TEST_F(InterruptionsTest, AnotherConfigurationMayHaveChangedItsWay) {
  interruptions_.note_configuration();
  EXPECT_TRUE(rest()->begun_otherwise);
}

TEST_F(InterruptionsTest, ANumberThatIsUsedAgainBeginsAnew) {
  other(kClient, kOtherFrontend, kEndpoint);
  note(came_[0], {}, {left_[0]});
  EXPECT_FALSE(rest()->tuple_taken);
}

TEST_F(InterruptionsTest, OfAFirstThatDidNotLeaveNothingIsKnown) {
  note(came_[0], {}, {});
  EXPECT_EQ(rest(), nullptr);
}

}  // namespace
}  // namespace kubeproof
