#include "replay/explore/generate_scenario.h"

#include <chrono>

#include "replay/explore/describe_node.h"
#include "replay/explore/generate_cluster.h"
#include "replay/explore/generate_world.h"
#include "replay/explore/odd_addresses.h"
#include "replay/explore/random.h"
#include "replay/explore/rare_objects.h"

namespace kubeproof::explore {
namespace {

// By choices of their own, so that nothing else of a scenario depends on which releases come up.
void set_release(const Releases& releases, Scenario& scenario) {
  Random random(~scenario.seed);
  scenario.proxy.release_minor =
      static_cast<uint8_t>(random.between(releases.oldest, releases.newest));
  // Whether 127.0.0.0/8 is routed hangs on it.
  scenario.world = world_of(scenario.node, scenario.proxy);
  if (releases.oldest == releases.newest) return;
  scenario.proxy.allow_service_external_ips = !random.percent(20);
  // Topology hints would not count without.
  for (Cluster& cluster : scenario.clusters) {
    for (auto& [key, service] : cluster.services) {
      if (random.percent(50)) service.topology_aware_hints = "Auto";
    }
  }
}

// Likewise. None is near what pauses add up to (generate_steps.cpp).
void set_timeouts(Scenario& scenario) {
  using std::chrono::seconds;
  constexpr unsigned kOther = 25;
  Random random(scenario.seed ^ 0x4);
  if (!random.percent(kOther)) return;
  ConntrackTimeouts& timeouts = scenario.proxy.timeouts;
  if (random.percent(50)) timeouts.tcp_established = random.pick({seconds(350), seconds(3050)});
  if (random.percent(20)) timeouts.tcp_established.reset();
  if (random.percent(50)) timeouts.tcp_close_wait = seconds(150);
  if (random.percent(20)) timeouts.tcp_close_wait.reset();
  // Streams of UDP are made by the kernel's own clock (replay/engine/conntrack_table.h): flows of
  // UDP outlive no pause.
  if (random.percent(50)) timeouts.udp = seconds(50);
}

// Likewise.
void set_world(const TrafficKinds& kinds, Scenario& scenario) {
  constexpr unsigned kDescribed = 40;
  Random random(scenario.seed ^ 0x1);
  if (random.percent(kDescribed)) {
    describe_node(random, scenario.proxy, kinds.corners, scenario.node);
  }
}

}  // namespace

Scenario generate_scenario(uint64_t seed, const ScenarioSize& size, const TrafficKinds& kinds) {
  Random random(seed);
  Scenario scenario;
  scenario.seed = seed;
  scenario.proxy = generate_proxy_config(random);
  set_timeouts(scenario);
  scenario.node = generate_node(random);
  if (kinds.worlds) set_world(kinds, scenario);
  scenario.world = world_of(scenario.node, scenario.proxy);
  scenario.clusters.push_back(generate_cluster(random));
  while (scenario.clusters.size() < size.cluster_states) {
    scenario.clusters.push_back(change_cluster(random, scenario.clusters.back()));
  }
  Random rare(seed ^ 0x5);
  use_rare_fields(rare, scenario.clusters);
  if (kinds.groups) {
    Random odd(seed ^ 0x3);
    use_odd_addresses(odd, scenario.clusters);
  }
  scenario.flows = generate_flows(random, scenario, size.flows, kinds);
  scenario.steps = generate_steps(random, scenario, size.steps, kinds);
  set_release(size.releases, scenario);
  return scenario;
}

}  // namespace kubeproof::explore
