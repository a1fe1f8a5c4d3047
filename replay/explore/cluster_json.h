// The objects of a generated cluster as the API would serve them, so that what a generated
// scenario showed can be kept as a case, and read again.
#pragma once

#include "model/cluster/objects.h"

namespace kubeproof::explore {

Objects objects_of(const Cluster& cluster);

}  // namespace kubeproof::explore
