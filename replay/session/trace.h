// One packet through every engine, with all that they say about it; and what a captured node did
// with such a packet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/result.h"
#include "replay/capture/capture_import.h"
#include "replay/report/trace_report.h"
#include "replay/session/session.h"

namespace kubeproof {

// `session` is fresh: nothing has passed through it.
TraceReport trace_packet(Session& session, std::unique_ptr<Oracle> oracle,
                         const Injection& injection);

// Which captured packet is taken for the one that is traced: the first opening packet of a flow
// with its destination and protocol that entered at a like place, and from its source where that
// was given.
struct CapturedLike {
  std::vector<std::string> files;
  ImportOptions import;
  Injection packet;
  bool same_source = false;
};

// Adds the column of the captured node; empty where no such packet was captured.
Result<std::optional<TraceColumn>> trace_captured(const Configuration& configuration,
                                                  std::unique_ptr<Oracle> oracle,
                                                  const CapturedLike& like);

}  // namespace kubeproof
