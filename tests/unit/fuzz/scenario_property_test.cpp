#include "replay/fuzz/scenario_property.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "replay/explore/generate_scenario.h"

namespace kubeproof::explore {
namespace {

bool has_packet(const Scenario& scenario) {
  return std::any_of(scenario.steps.begin(), scenario.steps.end(),
                     [](const Step& step) { return std::holds_alternative<PacketStep>(step); });
}

class Simplify : public testing::Test {
 protected:
  // The steps of the simplest scenario, where any with a packet fails in one run of `one_in`.
  size_t steps_left(size_t one_in) const {
    const Scenario failed = generate_scenario(1, {.flows = 8, .steps = 60}, {});
    Scenario simplest = failed;
    size_t runs = 0;
    const auto check = [&](const Scenario& scenario) -> std::optional<std::string> {
      if (++runs % one_in != 0 || !has_packet(scenario)) return std::nullopt;
      simplest = scenario;
      return "fails";
    };
    simplify(failed, "fails", {}, check, [](const std::string&) {});
    return simplest.steps.size();
  }
};

TEST_F(Simplify, LeavesOutAllButWhatFails) {
  EXPECT_EQ(steps_left(1), 1U);
}

TEST_F(Simplify, IsNotStoppedByAFailureThatChanceHides) {
  EXPECT_EQ(steps_left(2), 1U);
}

TEST_F(Simplify, GetsSomewhereWithAFailureThatChanceMostlyHides) {
  EXPECT_LT(steps_left(7), 20U);
}

}  // namespace
}  // namespace kubeproof::explore
