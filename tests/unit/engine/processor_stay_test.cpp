#include "replay/engine/processor_stay.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <memory>

namespace kubeproof {
namespace {

cpu_set_t permitted() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
  return set;
}

bool equal(const cpu_set_t& a, const cpu_set_t& b) {
  return CPU_EQUAL(&a, &b) != 0;
}

class ProcessorStayTest : public testing::Test {
 protected:
  static bool stays() {
    const cpu_set_t set = permitted();
    return CPU_COUNT(&set) == 1;
  }

  const cpu_set_t home_ = permitted();
};

TEST_F(ProcessorStayTest, KeepsTheThreadOnOneCpuWhileItLasts) {
  {
    ProcessorStay stay;
    EXPECT_TRUE(equal(permitted(), home_));
    ASSERT_TRUE(stay.enter());
    EXPECT_TRUE(stays());
    ASSERT_TRUE(stay.enter());
    EXPECT_TRUE(stays());
  }
  EXPECT_TRUE(equal(permitted(), home_));
}

TEST_F(ProcessorStayTest, EndsWithTheLastOfSeveralWhicheverWasFirst) {
  auto first = std::make_unique<ProcessorStay>();
  auto second = std::make_unique<ProcessorStay>();
  ASSERT_TRUE(first->enter());
  ASSERT_TRUE(second->enter());
  first.reset();
  EXPECT_TRUE(stays());
  second.reset();
  EXPECT_TRUE(equal(permitted(), home_));
}

}  // namespace
}  // namespace kubeproof
