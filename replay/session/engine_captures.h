// What each engine was given and what it emitted, as one capture per engine, for Wireshark: every
// packet as it entered, and right behind it its emissions.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "model/result.h"
#include "replay/capture/capture_writer.h"
#include "replay/session/session.h"

namespace kubeproof {

class EngineCaptures {
 public:
  // FOLDER/ENGINE.pcap for each engine of the session, which must outlive this. Makes the folder.
  static Result<EngineCaptures> open(const std::filesystem::path& folder, Session& session);

  // The files are whole, or the error says which is not.
  Result<void> finish();

 private:
  std::vector<std::shared_ptr<CaptureWriter>> writers_;
};

}  // namespace kubeproof
