// Makes the node's world real in a network namespace: its interfaces with their indices, names,
// MTUs and addresses as TUN devices, its routes, and the settings that design and kube-proxy give a
// node. Every engine that runs in the kernel starts from this, so that they agree on where a packet
// goes.
#pragma once

#include <vector>

#include "model/node/world.h"
#include "model/result.h"
#include "replay/engine/tun_device.h"

namespace kubeproof {

// In the fresh namespace that the calling thread is in. One device for each interface of the world
// but loopback, in the world's order.
//
// Addresses come without the routes that the kernel would derive from them: the world's routes are
// all there are, beside table local. IPv6 multicast stays as the kernel sets it up.
Result<std::vector<TunDevice>> set_up_world(const World& world);

}  // namespace kubeproof
