// Generated traffic: flows from everywhere to every address of a service and near misses, and the
// steps of what passes in them: conversations as they should be, and packets out of place.
#pragma once

#include <vector>

#include "replay/explore/random.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// What else may come up beside whole TCP, UDP and ICMP packets of the right kind.
struct TrafficKinds {
  bool sctp = false;
  bool fragments = false;
  bool defects = true;      // wrong checksums
  bool icmp_errors = true;  // made by others about flows
  bool time = true;         // long pauses, longer than most timeouts
};

// `scenario` has its world and clusters.
std::vector<FlowPlan> generate_flows(Random& random, const Scenario& scenario, size_t count,
                                     const TrafficKinds& kinds);

// `scenario` has its flows, too. Cluster states come up in their order.
std::vector<Step> generate_steps(Random& random, const Scenario& scenario, size_t count,
                                 const TrafficKinds& kinds);

}  // namespace kubeproof::explore
