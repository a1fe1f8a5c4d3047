#include "replay/compare/datagrams.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

PacketBuilder v4() {
  return PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53")
      .dont_fragment(false)
      .payload_size(300);
}
PacketBuilder v6() {
  return PacketBuilder::udp("[fd00::1]:4000", "[fd00::2]:53").payload_size(300);
}

std::optional<Bytes> assemble(const std::vector<Bytes>& fragments) {
  DatagramAssembler assembler;
  std::optional<Bytes> datagram;
  for (const Bytes& fragment : fragments) {
    EXPECT_FALSE(datagram) << "complete too early";
    datagram = assembler.add(kPod1, fragment, *parse_packet(fragment));
  }
  return datagram;
}

TEST(DatagramAssembler, MakesTheDatagramThatWasCut) {
  EXPECT_EQ(assemble(v4().build_fragments(64)), v4().build());
  EXPECT_EQ(assemble(v6().build_fragments(64)), v6().build());
}

TEST(DatagramAssembler, TakesFragmentsInAnyOrder) {
  std::vector<Bytes> fragments = v4().build_fragments(64);
  std::reverse(fragments.begin(), fragments.end());
  EXPECT_EQ(assemble(fragments), v4().build());
}

TEST(DatagramAssembler, HasMetTheCongestionThatAnyFragmentHas) {
  std::vector<Bytes> fragments = v4().tos(1).build_fragments(64);
  fragments.back() = v4().tos(3).build_fragments(64).back();
  EXPECT_EQ(assemble(fragments), v4().tos(3).build());
  fragments = v6().tos(1).build_fragments(64);
  fragments.back() = v6().tos(3).build_fragments(64).back();
  EXPECT_EQ(assemble(fragments), v6().tos(3).build());
}

TEST(DatagramAssembler, WaitsForEveryFragment) {
  std::vector<Bytes> fragments = v4().build_fragments(64);
  fragments.erase(fragments.begin() + 1);
  EXPECT_EQ(assemble(fragments), std::nullopt);
}

TEST(DatagramAssembler, KeepsDatagramsOfDifferentIdentificationApart) {
  const std::vector<Bytes> one = v4().identification(1).build_fragments(200);
  const std::vector<Bytes> two = v4().identification(2).build_fragments(200);
  EXPECT_EQ(assemble({one[0], two[1]}), std::nullopt);
}

TEST(DatagramAssembler, ForgetsWhatReceiversHaveGivenUp) {
  const std::vector<Bytes> fragments = v4().build_fragments(200);
  const auto completed_after = [&](std::chrono::seconds pause) {
    DatagramAssembler assembler;
    EXPECT_FALSE(assembler.add(kPod1, fragments[0], *parse_packet(fragments[0])));
    assembler.advance(pause);
    return assembler.add(kPod1, fragments[1], *parse_packet(fragments[1])).has_value();
  };
  EXPECT_TRUE(completed_after(std::chrono::seconds{59}));
  EXPECT_FALSE(completed_after(std::chrono::seconds{60}));
}

}  // namespace
}  // namespace kubeproof
