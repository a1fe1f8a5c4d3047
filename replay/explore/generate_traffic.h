// Generated traffic: flows from everywhere to every address of a service and near misses, and the
// steps of what passes in them: conversations as they should be, and packets out of place.
#pragma once

#include <vector>

#include "replay/explore/random.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// What may come up beside conversations of whole TCP and UDP packets as they should be.
struct TrafficKinds {
  bool sctp = true;
  bool fragments = true;
  bool options = true;       // of IPv4, and IPv6 extension headers
  bool cut = true;           // transport headers and packets that end too early
  bool defects = true;       // wrong checksums
  bool damage = true;        // any bytes at all: flipped, overwritten, lengths that lie (damage.h)
  bool queries = true;       // ICMP echo
  bool icmp_errors = true;   // made by others about flows
  bool out_of_place = true;  // TCP segments that no conversation would have, now or at all
  bool strangers = true;     // sources that are not where they are
  bool marks = true;         // on packets as they enter
  bool time = true;          // long pauses, longer than most timeouts
  bool oddities = true;  // groups, more of 127/8, nobody's addresses, lost fragments, odd queries
  bool groups = true;    // as addresses of services and endpoints (odd_addresses.h)
  bool worlds = true;    // nodes with bridges, overlays, several uplinks, other MTUs
  bool corners = true;   // of such nodes: local routes, dead ends, anycast (describe_node.h)
};

// `scenario` has its world and clusters.
std::vector<FlowPlan> generate_flows(Random& random, const Scenario& scenario, size_t count,
                                     const TrafficKinds& kinds);

// `scenario` has its flows, too. Cluster states come up in their order.
std::vector<Step> generate_steps(Random& random, const Scenario& scenario, size_t count,
                                 const TrafficKinds& kinds);

}  // namespace kubeproof::explore
