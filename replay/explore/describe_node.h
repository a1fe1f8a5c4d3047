// Generated nodes that are told interface by interface and route by route, as `ip -j addr` and
// `ip -j route` tell them: bridges, overlay devices, a second uplink, further addresses, other
// MTUs, and routes that lead nowhere.
#pragma once

#include "model/cluster/proxy_config.h"
#include "model/node/node_spec.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// `spec` is a node of the address plan that so far leaves its interfaces to the default. `corners`:
// also routes that make addresses local or lead nowhere, no default route, and addresses that are
// anycast elsewhere on the node.
void describe_node(Random& random, const ProxyConfig& proxy, bool corners, NodeSpec& spec);

}  // namespace kubeproof::explore
