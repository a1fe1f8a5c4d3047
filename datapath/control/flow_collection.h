// Removes flows whose time is over. The programs remove those that they come across; this finds the
// others.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/result.h"

namespace kubeproof::control {

// `flows`: descriptor of the map; `now`: nanoseconds of the datapath's clock. How many entries
// went.
Result<size_t> collect_flows(int flows, uint64_t now);

}  // namespace kubeproof::control
