// A real node's world as two commands print it: `ip -j addr`, and `ip -j route` with
// `ip -j -6 route`.
#pragma once

#include <string>
#include <vector>

#include "model/node/node_spec.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// "-" is standard input.
Result<std::vector<Interface>> read_interfaces(const std::string& file);
// A file may hold both families' lists, one after the other.
Result<std::vector<NamedRoute>> read_routes(const std::vector<std::string>& files);

}  // namespace kubeproof
