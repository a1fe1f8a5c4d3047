// Takes a session through captures: packet by packet, time as it passed when they were made.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"
#include "replay/capture/capture_import.h"
#include "replay/report/report.h"
#include "replay/session/session.h"

namespace kubeproof {

struct CaptureReplay {
  std::vector<std::string> files;
  ImportOptions import;
  // For a capture step of a case: which case and step it is of.
  PacketSource source;
  // Called now and then with the number of packets so far; may be empty.
  std::function<void(uint64_t packets)> progress;
  // Called before each packet; false ends the replay. May be empty.
  std::function<bool(const FramePlace& place)> before;
};

// What the import met, for the report. Stops early when no engine runs any more.
Result<std::vector<ImportCount>> replay_captures(Session& session, const CaptureReplay& replay);

}  // namespace kubeproof
