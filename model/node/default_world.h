// The world of a node that nobody described further:
//
//   lo     index 1, 127.0.0.1/8 and ::1/128
//   eth0   index 2, the node's addresses, their subnets, and the default route through the first
//          host of a subnet that is not the node itself
//   pod1…  from index 10 on, one for each pod on the node, without an address, with a host route
//          to each of the pod's addresses
//
// With detectLocalMode InterfaceNamePrefix the pods' interfaces carry that prefix instead of "pod";
// with BridgeInterface they are replaced by one bridge of that name, which holds the first host
// address of each pod CIDR, as bridge plugins set it up.
//
// Interfaces, routes and sysctls that the user gave replace those of the default. Routes that do
// not come with given interfaces are the connected ones and a default route.
#pragma once

#include "model/cluster/proxy_config.h"
#include "model/node/node_pods.h"
#include "model/node/node_spec.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// `sysctls` as kube-proxy leaves them where the user says nothing.
Result<World> make_world(const NodeSpec& node, const NodePods& pods, const ProxyConfig& proxy,
                         const Sysctls& sysctls);

}  // namespace kubeproof
