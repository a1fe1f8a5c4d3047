// Generated Services: every type, policy and kind of address that kube-proxy reads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/cluster/cluster.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// `number` chooses its cluster IPs and node ports among those of the address plan.
Service generate_service(Random& random, const ObjectKey& key, size_t number);

void change_service(Random& random, Service& service);

}  // namespace kubeproof::explore
