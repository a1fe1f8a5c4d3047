// Which of a real node's interfaces is the uplink, and which lead to pods: `ip addr` does not say.
#pragma once

#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// Sets the kinds of the interfaces other than loopback, from addresses and routes. An error says
// what keeps them from being the interfaces of a node.
Result<void> tell_interface_kinds(World& world);

}  // namespace kubeproof
