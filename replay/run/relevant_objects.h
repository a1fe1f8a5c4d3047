// The objects that can decide over some packets: what a case needs to carry of a whole cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/cluster/objects.h"
#include "replay/capture/captured_packet.h"

namespace kubeproof {

enum class Relevance : uint8_t {
  kFrontends,  // Services of which the packets have an address or a node port
  kEndpoints,  // those of which they have an endpoint, too
};

// The Services, their EndpointSlices, the node's own Node object, and Pods with an address of the
// packets. Objects that matter in another way are not found: who leaves something out has to see
// that the rest still shows what it should.
Objects relevant_objects(const Objects& all, const std::vector<CapturedPacket>& packets,
                         const std::string& node, Relevance relevance);

}  // namespace kubeproof
