// Interfaces and routes from JSON that was read already; see read_world.h.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "model/cluster/document_json.h"
#include "model/node/node_spec.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// Arrays as `ip -j` prints them; part of `document`.
Result<std::vector<Interface>> read_interfaces(const nlohmann::json& value,
                                               const JsonDocument& document);
Result<std::vector<NamedRoute>> read_routes(const nlohmann::json& value,
                                            const JsonDocument& document);

// The same as part of a larger value; these throw FieldFailure.
std::vector<Interface> read_interfaces(const JsonField& field);
std::vector<NamedRoute> read_routes(const JsonField& field, const std::string& file);

}  // namespace kubeproof
