#include "model/cluster/duration_text.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

TEST(Duration, ReadsWhatGoWrites) {
  EXPECT_EQ(parse_duration("24h0m0s"), nanoseconds(24h));
  EXPECT_EQ(parse_duration("10s"), nanoseconds(10s));
  EXPECT_EQ(parse_duration("1.5h"), nanoseconds(90min));
  EXPECT_EQ(parse_duration("1m30.5s"), nanoseconds(90500ms));
  EXPECT_EQ(parse_duration("100ms"), nanoseconds(100ms));
  EXPECT_EQ(parse_duration("3us4ns"), nanoseconds(3004));
  EXPECT_EQ(parse_duration("-2s"), nanoseconds(-2s));
  EXPECT_EQ(parse_duration("0"), nanoseconds(0));
}

TEST(Duration, RefusesTheRest) {
  for (const char* text : {"", "10", "s", "10 s", "1d", "10sec", "--1s", "1e3s", "999999999h"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

}  // namespace
}  // namespace kubeproof
