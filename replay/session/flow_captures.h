// Cuts one packet's flow out of captures: the frames that lead up to it, before translation and
// after, byte for byte, so that an import of the cut understands them as it did in the whole.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "model/result.h"
#include "replay/capture/capture_import.h"
#include "replay/compare/flow_key.h"

namespace kubeproof {

struct CaptureSet {
  std::vector<std::string> files;
  ImportOptions import;
};

// The flows that the packet at `place` belongs to: its own, and those that translation ties to it.
Result<std::unordered_set<FlowKey>> flows_around(const CaptureSet& captures, const World& world,
                                                 const FramePlace& place);

// Writes the frames of these flows up to `place`, one file for each capture that has any; of all
// flows where there are none. `path` is that of the first file, without its ending. Returns what
// was written.
Result<std::vector<std::string>> cut_captures(const CaptureSet& captures, const FramePlace& place,
                                              const std::unordered_set<FlowKey>& flows,
                                              const std::string& path);

}  // namespace kubeproof
