// One reader for each kind of object. They throw FieldFailure (field_json.h).
#pragma once

#include <map>
#include <string>

#include "model/cluster/cluster.h"
#include "model/cluster/field_json.h"

namespace kubeproof {

// metadata.namespace and metadata.name; objects of a namespace are in "default" where they name
// none.
// A name as the API allows it, for it becomes part of rules: empty where absent.
std::string read_name(const JsonField& field);

ObjectKey read_key(const JsonField& object, bool namespaced);
std::map<std::string, std::string> read_labels(const JsonField& object);
Protocol read_protocol(const JsonField& field);

Service read_service(const JsonField& object);
EndpointSlice read_endpoint_slice(const JsonField& object);
Node read_node(const JsonField& object);
Pod read_pod(const JsonField& object);

}  // namespace kubeproof
