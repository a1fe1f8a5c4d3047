// What few objects have: services and slices that kube-proxy is to leave alone, endpoints and ports
// in forms that it does not read, addresses as nobody writes them.
#pragma once

#include <vector>

#include "model/cluster/cluster.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// Gives some of it to some objects, of each state by itself: they turn into such and back.
void use_rare_fields(Random& random, std::vector<Cluster>& clusters);

}  // namespace kubeproof::explore
