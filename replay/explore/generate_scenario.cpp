#include "replay/explore/generate_scenario.h"

#include "replay/explore/generate_cluster.h"
#include "replay/explore/generate_world.h"

namespace kubeproof::explore {

Scenario generate_scenario(uint64_t seed, const ScenarioSize& size, const TrafficKinds& kinds) {
  Random random(seed);
  Scenario scenario;
  scenario.seed = seed;
  scenario.proxy = generate_proxy_config(random);
  scenario.node = generate_node(random);
  scenario.world = world_of(scenario.node, scenario.proxy);
  scenario.clusters.push_back(generate_cluster(random));
  while (scenario.clusters.size() < size.cluster_states) {
    scenario.clusters.push_back(change_cluster(random, scenario.clusters.back()));
  }
  scenario.flows = generate_flows(random, scenario, size.flows, kinds);
  scenario.steps = generate_steps(random, scenario, size.steps, kinds);
  return scenario;
}

}  // namespace kubeproof::explore
