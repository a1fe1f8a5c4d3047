// A cluster of any size around one node, for measuring what a size costs:
//
//   lo     1
//   eth0   2   192.168.0.2/24, default route through .1
//   pod1   10  10.180.0.9, where the clients are
//
// Service i has the cluster IP 10.96.0.0 + i + 1, port 80, and two endpoints on other nodes; the
// first two thousand have a node port, too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "model/packet/address.h"
#include "replay/engine/engine.h"

namespace kubeproof {

constexpr uint32_t kBenchUplink = 2;
constexpr uint32_t kBenchPod = 10;

Configuration bench_configuration(size_t services, size_t endpoints = 2);

SocketAddress bench_service(size_t index);

// The same objects as `kubectl get services,endpointslices -A -o json` prints them.
std::string bench_objects_as_json(size_t services, size_t endpoints);

}  // namespace kubeproof
