// Generated EndpointSlices: endpoints here, elsewhere and on the hosts themselves, in every
// condition.
#pragma once

#include <vector>

#include "model/cluster/cluster.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// One or two slices for each family of the service.
std::vector<EndpointSlice> generate_slices(Random& random, const Service& service);

void change_slice(Random& random, EndpointSlice& slice);

}  // namespace kubeproof::explore
