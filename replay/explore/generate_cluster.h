// Generated clusters: a few services over all fields that kube-proxy reads, and what may change
// about them from one state to the next.
#pragma once

#include "model/cluster/cluster.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// The nodes and pods of the address plan.
Cluster cluster_without_services();

Cluster generate_cluster(Random& random);

// The same cluster a little later.
Cluster change_cluster(Random& random, Cluster cluster);

}  // namespace kubeproof::explore
