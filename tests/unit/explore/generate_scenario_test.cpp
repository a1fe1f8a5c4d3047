// Scenarios are what their seed and their kinds of traffic say.
#include "replay/explore/generate_scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace kubeproof::explore {
namespace {

constexpr ScenarioSize kSize{.flows = 30, .steps = 300, .cluster_states = 3};

// Whether any packet of any scenario is of a shape.
template <class Predicate>
bool any_packet(const TrafficKinds& kinds, Predicate predicate) {
  for (uint64_t seed = 1; seed < 20; ++seed) {
    const Scenario scenario = generate_scenario(seed, kSize, kinds);
    for (const Step& step : scenario.steps) {
      const auto* packet = std::get_if<PacketStep>(&step);
      if (packet != nullptr && predicate(*packet)) return true;
    }
  }
  return false;
}

TEST(GenerateScenario, ASeedAlwaysGivesTheSame) {
  EXPECT_EQ(generate_scenario(5, kSize, {}).describe(), generate_scenario(5, kSize, {}).describe());
  EXPECT_NE(generate_scenario(5, kSize, {}).describe(), generate_scenario(6, kSize, {}).describe());
}

TEST(GenerateScenario, EachKindOfTrafficCanBeLeftOut) {
  const auto cut = [](const PacketStep& step) { return step.shape.cut_to != 0; };
  const auto options = [](const PacketStep& step) { return step.shape.options != Options::kNone; };
  const auto defects = [](const PacketStep& step) { return step.shape.defect != Defect::kNone; };
  const auto fragments = [](const PacketStep& step) { return step.shape.fragment_size != 0; };
  EXPECT_TRUE(any_packet({.cut = true}, cut));
  EXPECT_FALSE(any_packet({.cut = false}, cut));
  EXPECT_TRUE(any_packet({.options = true}, options));
  EXPECT_FALSE(any_packet({.options = false}, options));
  EXPECT_TRUE(any_packet({.defects = true}, defects));
  EXPECT_FALSE(any_packet({.defects = false}, defects));
  EXPECT_TRUE(any_packet({.fragments = true}, fragments));
  EXPECT_FALSE(any_packet({.fragments = false}, fragments));
  const auto damage = [](const PacketStep& step) { return !step.shape.damage.changes.empty(); };
  EXPECT_TRUE(any_packet({}, damage));
  EXPECT_FALSE(any_packet({.damage = false}, damage));
  const auto faults = [](const PacketStep& step) {
    return step.shape.fragment_fault != FragmentFault::kNone;
  };
  EXPECT_TRUE(any_packet({.oddities = true}, faults));
  EXPECT_FALSE(any_packet({.oddities = false}, faults));
}

TEST(GenerateScenario, NodesAreDescribedOnlyWhereWorldsMayBe) {
  const auto described = [](const TrafficKinds& kinds) {
    int count = 0;
    for (uint64_t seed = 1; seed < 40; ++seed) {
      const Scenario scenario = generate_scenario(seed, kSize, kinds);
      if (scenario.node.interfaces) ++count;
      for (const FlowPlan& flow : scenario.flows) {
        EXPECT_TRUE(flow.ingress.is_host() ||
                    scenario.world.find_interface(flow.ingress.interface) != nullptr);
      }
    }
    return count;
  };
  EXPECT_GT(described({}), 5);
  EXPECT_EQ(described({.worlds = false}), 0);
}

TEST(GenerateScenario, ClusterStatesComeInTheirOrder) {
  for (uint64_t seed = 1; seed < 20; ++seed) {
    size_t last = 0;
    for (const Step& step : generate_scenario(seed, kSize, {}).steps) {
      const auto* change = std::get_if<ChangeStep>(&step);
      if (change == nullptr) continue;
      EXPECT_EQ(change->cluster, last + 1);
      last = change->cluster;
    }
  }
}

TEST(GenerateScenario, ReleasesComeUpAsAskedAndChangeNothingElse) {
  ScenarioSize size = kSize;
  size.releases = {.oldest = 20, .newest = 22};
  std::set<int> seen;
  for (uint64_t seed = 1; seed < 30; ++seed) {
    const Scenario scenario = generate_scenario(seed, size, {});
    const Scenario newest = generate_scenario(seed, kSize, {});
    EXPECT_EQ(newest.proxy.release_minor, ProxyConfig{}.release_minor);
    EXPECT_EQ(scenario.flows.size(), newest.flows.size());
    EXPECT_EQ(describe(scenario.steps.front(), scenario), describe(newest.steps.front(), newest));
    seen.insert(scenario.proxy.release_minor);
  }
  EXPECT_EQ(seen, (std::set<int>{20, 21, 22}));
}

}  // namespace
}  // namespace kubeproof::explore
