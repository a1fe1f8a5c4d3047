// A search that follows the simplifications ends where nothing can be left out.
#include "replay/explore/simplify.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "replay/explore/generate_scenario.h"

namespace kubeproof::explore {
namespace {

template <class Fails>
Scenario simplest(Scenario scenario, Fails fails) {
  for (Simplifications simpler(scenario); auto next = simpler.next();) {
    if (!fails(*next)) continue;
    scenario = *std::move(next);
    simpler = Simplifications(scenario);
  }
  return scenario;
}

Scenario some_scenario() {
  return generate_scenario(3, {.flows = 12, .steps = 120, .cluster_states = 3},
                           {.oddities = false, .worlds = false});
}

TEST(Simplify, WithoutAnythingThatMattersNothingStays) {
  const Scenario left = simplest(some_scenario(), [](const Scenario&) { return true; });
  EXPECT_TRUE(left.steps.empty());
  EXPECT_EQ(left.flows.size(), 1U);
  ASSERT_EQ(left.clusters.size(), 1U);
  EXPECT_TRUE(left.clusters[0].services.empty());
  EXPECT_TRUE(left.clusters[0].endpoint_slices.empty());
}

TEST(Simplify, KeepsTheStepsThatMatterAndTheirFlow) {
  const auto resets = [](const Scenario& scenario) {
    return std::any_of(scenario.steps.begin(), scenario.steps.end(), [](const Step& step) {
      const auto* packet = std::get_if<PacketStep>(&step);
      constexpr uint8_t kRst = 4;
      return packet != nullptr && (packet->tcp_flags & kRst) != 0;
    });
  };
  ASSERT_TRUE(resets(some_scenario()));
  const Scenario left = simplest(some_scenario(), resets);
  EXPECT_EQ(left.steps.size(), 1U);
  ASSERT_EQ(left.flows.size(), 1U);
  EXPECT_EQ(left.flows[0].protocol, kTcp);
}

TEST(Simplify, ADescribedNodeIsDescribedNoMoreThanMatters) {
  Scenario scenario = some_scenario();
  for (uint64_t seed = 1; !scenario.node.interfaces; ++seed) {
    scenario = generate_scenario(seed, {}, {});
  }
  const Scenario ordinary = simplest(scenario, [](const Scenario&) { return true; });
  EXPECT_FALSE(ordinary.node.interfaces);
  EXPECT_FALSE(ordinary.node.routes);
  const auto is_described = [](const Scenario& each) { return each.node.interfaces.has_value(); };
  const Scenario left = simplest(scenario, is_described);
  ASSERT_TRUE(left.node.routes);
  EXPECT_TRUE(left.node.routes->empty());
  EXPECT_TRUE(left.world.routes.empty());
}

TEST(Simplify, KeepsTheServiceThatMatters) {
  const auto has_affinity = [](const Scenario& scenario) {
    const auto& services = scenario.clusters.back().services;
    return std::any_of(services.begin(), services.end(),
                       [](const auto& entry) { return entry.second.client_ip_affinity; });
  };
  Scenario scenario = some_scenario();
  scenario.clusters.back().services.begin()->second.client_ip_affinity = true;
  const Scenario left = simplest(scenario, has_affinity);
  EXPECT_EQ(left.clusters.back().services.size(), 1U);
  EXPECT_EQ(left.clusters.back().services.begin()->second.type, ServiceType::kClusterIp);
}

}  // namespace
}  // namespace kubeproof::explore
