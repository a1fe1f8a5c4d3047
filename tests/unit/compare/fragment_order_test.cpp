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
  for (const PacketView& fragment : fragments_of(7)) EXPECT_FALSE(order.note(fragment));
}

TEST(FragmentOrder, AfterOneBeforeTheFirstAllOfTheDatagramIs) {
  FragmentOrder order;
  const auto fragments = fragments_of(7);
  EXPECT_TRUE(order.note(fragments[1]));
  EXPECT_TRUE(order.note(fragments[0]));
  EXPECT_TRUE(order.note(fragments[2]));
  EXPECT_FALSE(order.note(fragments_of(8)[0])) << "another datagram";
}

TEST(FragmentOrder, ANumberThatIsUsedAgainBeginsAnew) {
  FragmentOrder order;
  const auto fragments = fragments_of(7);
  order.note(fragments[1]);
  order.note(fragments[0]);
  EXPECT_FALSE(order.note(fragments[0]));
  EXPECT_FALSE(order.note(fragments[1]));
}

}  // namespace
}  // namespace kubeproof
