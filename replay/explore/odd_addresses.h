// Services at addresses that are no machine's: whole networks, groups, nobody's. Who writes such an
// address into externalIPs, a load balancer's status or an EndpointSlice gets rules for it all the
// same.
#pragma once

#include <vector>

#include "model/cluster/cluster.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// Puts them in the place of some addresses of the plan, the same in all states.
void use_odd_addresses(Random& random, std::vector<Cluster>& clusters);

}  // namespace kubeproof::explore
