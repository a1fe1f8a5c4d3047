#include "replay/compare/flow_marks.h"

#include <gtest/gtest.h>

#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

FlowKey flow(std::string_view from, std::string_view to) {
  return *flow_key(PacketBuilder::tcp(from, to).build());
}

TEST(FlowKey, IsTheSameForBothDirections) {
  EXPECT_EQ(flow("10.0.0.1:4000", "10.0.0.2:80"), flow("10.0.0.2:80", "10.0.0.1:4000"));
  EXPECT_FALSE(flow("10.0.0.1:4000", "10.0.0.2:80") == flow("10.0.0.1:4001", "10.0.0.2:80"));
}

TEST(FlowKey, OfAnErrorIsThatOfWhatItQuotes) {
  const Bytes quoted = PacketBuilder::tcp("10.0.0.1:4000", "10.0.0.2:80").build();
  const Bytes error = PacketBuilder::icmp("10.9.9.9", "10.0.0.1", 3, 3).payload(quoted).build();
  EXPECT_EQ(flow_key(error), flow_key(quoted));
}

TEST(FlowMarks, KeepTheFirstMark) {
  FlowMarks marks(8);
  const FlowKey key = flow("10.0.0.1:4000", "10.0.0.2:80");
  EXPECT_EQ(marks.find(key), 0U);
  marks.add(key, 1);
  marks.add(key, 2);
  EXPECT_EQ(marks.find(key), 1U);
}

TEST(FlowMarks, ForgetTheOldest) {
  FlowMarks marks(2);
  const FlowKey first = flow("10.0.0.1:1", "10.0.0.2:80");
  const FlowKey second = flow("10.0.0.1:2", "10.0.0.2:80");
  const FlowKey third = flow("10.0.0.1:3", "10.0.0.2:80");
  for (const FlowKey& key : {first, second, third}) marks.add(key, 1);
  EXPECT_EQ(marks.find(first), 0U);
  EXPECT_EQ(marks.find(second), 1U);
  EXPECT_EQ(marks.find(third), 1U);
}

}  // namespace
}  // namespace kubeproof
