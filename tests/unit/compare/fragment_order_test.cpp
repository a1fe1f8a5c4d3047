// A datagram is overtaken where one of its fragments came before the first.
#include "replay/compare/fragment_order.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

std::vector<PacketView> fragments_of(uint16_t identification) {
  std::vector<PacketView> views;
  const auto fragments = PacketBuilder::udp("192.0.2.1:1", "192.0.2.2:2")
                             .payload_size(40)
                             .identification(identification)
                             .build_fragments(16);
  for (const Bytes& fragment : fragments) views.push_back(*parse_packet(fragment));
  return views;
}

TEST(FragmentOrder, InOrderNothingIsOvertaken) {
  FragmentOrder order;
  for (const PacketView& fragment : fragments_of(7)) EXPECT_EQ(order.note(fragment), nullptr);
}

TEST(FragmentOrder, AfterOneBeforeTheFirstAllOfTheDatagramIs) {
  FragmentOrder order;
  const auto fragments = fragments_of(7);
  for (const size_t next : {1, 2, 0}) {
    const PacketView* early = order.note(fragments[next]);
    ASSERT_NE(early, nullptr);
    EXPECT_EQ(early->fragment_offset, 16);
    EXPECT_FALSE(early->is_last_fragment);
  }
  EXPECT_EQ(order.note(fragments_of(8)[0]), nullptr) << "another datagram";
}

TEST(FragmentOrder, ANumberThatIsUsedAgainBeginsAnew) {
  FragmentOrder order;
  const auto fragments = fragments_of(7);
  order.note(fragments[1]);
  order.note(fragments[0]);
  EXPECT_EQ(order.note(fragments[0]), nullptr);
  EXPECT_EQ(order.note(fragments[1]), nullptr);
}

}  // namespace
}  // namespace kubeproof
