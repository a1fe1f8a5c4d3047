// The `node` object of a case.
#pragma once

#include "model/cluster/document_json.h"
#include "model/node/node_spec.h"
#include "model/result.h"

namespace kubeproof {

// name, addresses ("ADDR" or "ADDR/LENGTH", /24 and /64 by default), podCIDRs, interfaces and
// routes as `ip -j` prints them, sysctls by their names; part of `document`. Anything else is an
// error.
Result<NodeSpec> read_node_spec(const JsonField& field, const JsonDocument& document);

// "ADDR" or "ADDR/LENGTH", as node.addresses has them.
Result<InterfaceAddress> parse_node_address(const std::string& text);

}  // namespace kubeproof
