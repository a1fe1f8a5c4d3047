// Kubernetes objects from JSON that was read already; see read_objects.h.
#pragma once

#include <nlohmann/json.hpp>

#include "model/cluster/document_json.h"
#include "model/cluster/objects.h"
#include "model/result.h"

namespace kubeproof {

// An object, a List, an array of both, or null; part of `document`.
Result<Objects> read_objects(const nlohmann::json& value, const JsonDocument& document);

// {"kind": …, "namespace": …, "name": …}, as a case names an object; part of `document`.
Result<ObjectId> read_object_id(const JsonField& field, const JsonDocument& document);

}  // namespace kubeproof
