// Captures of a node, several files merged by time, as the packets that entered it: what replay and
// the `capture` step of a case run on. Streams: memory does not grow with the size of the files.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/node/world.h"
#include "model/result.h"
#include "replay/capture/capture_file.h"
#include "replay/capture/captured_packet.h"
#include "replay/capture/import_summary.h"
#include "replay/capture/sighting_merger.h"
#include "replay/capture/sighting_reader.h"

namespace kubeproof {

struct ImportOptions {
  // The world was read on the captured node, so that its interfaces have the capture's indices.
  bool world_is_the_nodes = false;
};

class CaptureImport {
 public:
  // `world` must outlive the import.
  static Result<CaptureImport> open(const std::vector<std::string>& files, const World& world,
                                    const ImportOptions& options = {});
  CaptureImport(CaptureImport&&) noexcept;
  CaptureImport& operator=(CaptureImport&&) noexcept;
  ~CaptureImport();

  // The next packet, in the order in which they entered; false at the end. Whatever is odd inside a
  // capture is counted in the summary, and the import goes on.
  bool next(CapturedPacket& packet);

  // Whether these captures can show what became of a packet at all: raw IP says of none whether it
  // enters or leaves.
  bool shows_fates() const;

  const ImportSummary& summary() const;

 private:
  class State;
  explicit CaptureImport(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace kubeproof
