// The node and kube-proxy's configuration as a case holds them: what read_node_spec() and
// read_proxy_config() read.
#pragma once

#include <nlohmann/json.hpp>

#include "model/cluster/proxy_config.h"
#include "model/node/node_spec.h"

namespace kubeproof {

nlohmann::ordered_json node_json(const NodeSpec& node);

// Only what differs from the defaults.
nlohmann::ordered_json proxy_json(const ProxyConfig& proxy);

}  // namespace kubeproof
