// Generated nodes, as far as they leave their interfaces to the default (describe_node.h has
// others), and kube-proxy's configuration over all fields that packets notice.
#pragma once

#include "model/cluster/proxy_config.h"
#include "model/node/node_spec.h"
#include "model/node/world.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

ProxyConfig generate_proxy_config(Random& random);

// The node of the address plan.
NodeSpec generate_node(Random& random);

// Holds the pods of the address plan.
World world_of(const NodeSpec& node, const ProxyConfig& proxy);

}  // namespace kubeproof::explore
