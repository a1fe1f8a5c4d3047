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

std::vector<const Endpoint*> cluster_endpoints(const ServicePortInfo& port,
                                               const std::vector<Endpoint>& endpoints) {
  const TopologyMode mode = topology_mode(port, endpoints);
  auto ready = filter(endpoints, [&](const Endpoint& each) {
    return each.ready && (mode != TopologyMode::kNode || each.hinted_to_node) &&
           (mode != TopologyMode::kZone || each.hinted_to_zone);
  });
  return ready.empty() ? filter(endpoints, serves_while_terminating) : ready;
}

std::vector<const Endpoint*> local_endpoints(const std::vector<Endpoint>& endpoints) {
  auto ready = filter(endpoints, [](const Endpoint& each) { return each.local && each.ready; });
  if (!ready.empty()) return ready;
  return filter(endpoints,
                [](const Endpoint& each) { return each.local && serves_while_terminating(each); });
}

}  // namespace

Categorized categorize(const ServicePortInfo& port, const std::vector<Endpoint>& endpoints) {
  Categorized result;
  if (endpoints.empty()) return result;
  if (port.uses_cluster_endpoints()) {
    result.cluster = cluster_endpoints(port, endpoints);
    result.has_any = !result.cluster.empty();
  }
  if (port.uses_local_endpoints()) {
    result.local = local_endpoints(endpoints);
    result.has_any =
        result.has_any || std::any_of(endpoints.begin(), endpoints.end(), [](const Endpoint& each) {
          return each.ready || serves_while_terminating(each);
        });
  }
  // Both lists point into one vector, in its order.
  std::set_union(result.cluster.begin(), result.cluster.end(), result.local.begin(),
                 result.local.end(), std::back_inserter(result.reachable));
  return result;
}

}  // namespace kubeproof::proxier
