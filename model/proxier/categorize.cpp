#include "model/proxier/categorize.h"

#include <algorithm>
#include <iterator>

namespace kubeproof::proxier {
namespace {

enum class TopologyMode { kNone, kNode, kZone };

// Hints bind only where every ready endpoint has them and one of them is for us.
TopologyMode topology_mode(const ServicePortInfo& port, const std::vector<Endpoint>& endpoints) {
  if (!port.hints_count) return TopologyMode::kNone;
  bool all_for_nodes = true;
  bool all_for_zones = true;
  bool any_for_node = false;
  bool any_for_zone = false;
  for (const Endpoint& each : endpoints) {
    if (!each.ready) continue;
    all_for_nodes = all_for_nodes && each.has_node_hints;
    all_for_zones = all_for_zones && each.has_zone_hints;
    any_for_node = any_for_node || each.hinted_to_node;
    any_for_zone = any_for_zone || each.hinted_to_zone;
  }
  if (all_for_nodes && any_for_node) return TopologyMode::kNode;
  if (all_for_zones && any_for_zone) return TopologyMode::kZone;
  return TopologyMode::kNone;
}

template <class Predicate>
std::vector<const Endpoint*> filter(const std::vector<Endpoint>& endpoints, Predicate predicate) {
  std::vector<const Endpoint*> result;
  for (const Endpoint& each : endpoints) {
    if (predicate(each)) result.push_back(&each);
  }
  return result;
}

bool serves_while_terminating(const Endpoint& endpoint) {
  return endpoint.serving && endpoint.terminating;
}

bool is_local_and_ready(const Endpoint& endpoint) {
  return endpoint.local && endpoint.ready;
}

std::vector<const Endpoint*> cluster_endpoints(const ServicePortInfo& port,
                                               const std::vector<Endpoint>& endpoints,
                                               Release release) {
  const TopologyMode mode = topology_mode(port, endpoints);
  auto ready = filter(endpoints, [&](const Endpoint& each) {
    return each.ready && (mode != TopologyMode::kNode || each.hinted_to_node) &&
           (mode != TopologyMode::kZone || each.hinted_to_zone);
  });
  if (!ready.empty() || !release.falls_back_to_terminating()) return ready;
  return filter(endpoints, serves_while_terminating);
}

std::vector<const Endpoint*> local_endpoints(const std::vector<Endpoint>& endpoints,
                                             Release release) {
  auto ready = filter(endpoints, is_local_and_ready);
  if (!ready.empty() || !release.falls_back_to_terminating()) return ready;
  return filter(endpoints,
                [](const Endpoint& each) { return each.local && serves_while_terminating(each); });
}

// One list for all traffic to the service port; the Local external policy alone has another.
Categorized categorize_for_all_traffic(const ServicePortInfo& port,
                                       const std::vector<Endpoint>& endpoints, Release release) {
  Categorized result;
  if (port.external_policy_local) {
    result.cluster = filter(endpoints, [](const Endpoint& each) { return each.ready; });
    result.local = local_endpoints(endpoints, release);
  } else if (port.internal_policy_local) {
    result.cluster = local_endpoints(endpoints, release);
  } else {
    result.cluster = cluster_endpoints(port, endpoints, release);
  }
  result.reachable = result.cluster;
  result.has_any = !result.cluster.empty();
  return result;
}

}  // namespace

Categorized categorize(const ServicePortInfo& port, const std::vector<Endpoint>& endpoints,
                       Release release) {
  if (release.internal_policy_is_for_all_traffic()) {
    return categorize_for_all_traffic(port, endpoints, release);
  }
  Categorized result;
  if (endpoints.empty()) return result;
  if (port.uses_cluster_endpoints()) {
    result.cluster = cluster_endpoints(port, endpoints, release);
    result.has_any = !result.cluster.empty();
  }
  if (port.uses_local_endpoints()) {
    result.local = local_endpoints(endpoints, release);
    const bool usable = std::any_of(endpoints.begin(), endpoints.end(), [&](const Endpoint& each) {
      return each.ready || (release.falls_back_to_terminating() && serves_while_terminating(each));
    });
    result.has_any = result.has_any || usable;
  }
  // Both lists point into one vector, in its order.
  std::set_union(result.cluster.begin(), result.cluster.end(), result.local.begin(),
                 result.local.end(), std::back_inserter(result.reachable));
  return result;
}

}  // namespace kubeproof::proxier
