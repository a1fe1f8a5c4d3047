#include "replay/run/captured_flows.h"

#include <gtest/gtest.h>

#include "replay/capture/capture_writer.h"
#include "tests/temporary_folder.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

using std::chrono::seconds;

// A capture of bare packets: no interfaces, so that each is one that entered.
class CapturedFlows : public testing::Test {
 protected:
  CapturedFlows() {
    const std::string file = folder_.file("in.pcap");
    auto writer = CaptureWriter::create(file);
    int64_t time = 0;
    for (const auto& [from, to] : kPackets) {
      writer->write(seconds(++time), PacketBuilder::udp(from, to).payload("x").build());
    }
    EXPECT_TRUE(writer->finish());
    captures_.files = {file};
  }

  // The frames of packets.
  static std::vector<uint64_t> frames(const Result<CapturedPackets>& packets) {
    EXPECT_TRUE(packets);
    std::vector<uint64_t> frames;
    for (const CapturedPacket& packet : *packets) frames.push_back(packet.place.frame);
    return frames;
  }

  static constexpr std::pair<const char*, const char*> kPackets[] = {
      {"10.0.0.1:4000", "10.96.0.10:53"},  // 1
      {"10.0.0.2:4000", "10.96.0.10:53"},  // 2: to the same service
      {"10.0.0.3:4000", "10.96.0.99:53"},  // 3: to another
      {"10.96.0.10:53", "10.0.0.1:4000"},  // 4: the way back of 1
      {"10.0.0.1:4000", "10.96.0.10:53"},  // 5
      {"10.0.0.1:4000", "10.96.0.10:53"},  // 6: later than what is asked for
  };

  TemporaryFolder folder_;
  CaptureSet captures_;
  const World world_ = small_world();
  const FramePlace place_{0, 5};
};

TEST_F(CapturedFlows, FindsThePacketsOfAFlowInBothDirections) {
  EXPECT_EQ(frames(packets_of_flow(captures_, world_, place_)), (std::vector<uint64_t>{1, 4, 5}));
}

TEST_F(CapturedFlows, FindsFlowsThatShareAnEnd) {
  EXPECT_EQ(frames(packets_around_flow(captures_, world_, place_)),
            (std::vector<uint64_t>{1, 2, 4, 5}));
}

TEST_F(CapturedFlows, FindsAllThatCameBefore) {
  EXPECT_EQ(frames(packets_before(captures_, world_, place_, 5)),
            (std::vector<uint64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(frames(packets_before(captures_, world_, place_, 4)), std::vector<uint64_t>{});
}

TEST_F(CapturedFlows, FindsNothingForAPacketThatIsNotThere) {
  EXPECT_EQ(frames(packets_of_flow(captures_, world_, {0, 77})), std::vector<uint64_t>{});
  EXPECT_EQ(frames(packets_before(captures_, world_, {0, 77}, 100)), std::vector<uint64_t>{});
}

}  // namespace
}  // namespace kubeproof
