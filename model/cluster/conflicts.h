// What no API server stores, since one object takes what another one has: a cluster IP, a node
// port. kube-proxy would let one of them win, by an order that it does not promise.
#pragma once

#include "model/cluster/cluster.h"
#include "model/result.h"

namespace kubeproof {

// Names both objects of the first conflict.
Result<void> check_conflicts(const Cluster& cluster);

}  // namespace kubeproof
