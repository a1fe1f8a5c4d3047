// The packets of a capture that one packet's fate depends on, so far as addresses tell.
#pragma once

#include <string>
#include <vector>

#include "model/node/world.h"
#include "model/result.h"
#include "replay/capture/capture_import.h"

namespace kubeproof {

struct CaptureSet {
  std::vector<std::string> files;
  ImportOptions import;
};

using CapturedPackets = std::vector<CapturedPacket>;

// All of these end with the packet at `place`; they are empty where it is not in the captures.

// Those of its flow: its own, and what translation ties to it.
Result<CapturedPackets> packets_of_flow(const CaptureSet& captures, const World& world,
                                        const FramePlace& place);

// Those of every flow that has an end in common with that flow: which may have taken its port, or
// left an affinity behind.
Result<CapturedPackets> packets_around_flow(const CaptureSet& captures, const World& world,
                                            const FramePlace& place);

// All that came before it; empty where these are more than `most`.
Result<CapturedPackets> packets_before(const CaptureSet& captures, const World& world,
                                       const FramePlace& place, size_t most);

}  // namespace kubeproof
