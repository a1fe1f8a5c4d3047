// What `kubeproof trace` is asked: which packet, and whose captures hold one like it.
#pragma once

#include <string>
#include <vector>

#include "model/result.h"
#include "model/snapshot/snapshot.h"
#include "replay/report/trace_report.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/rule_dumps.h"

namespace kubeproof {

struct TraceRequest {
  std::string from;  // parse_origin()
  std::string to;    // parse_destination()
  std::vector<std::string> captures;
  RuleDumpOption rules{};
};

// The packet through fresh engines, and the column of the captured node where captures are named.
Result<TraceReport> answer(const TraceRequest& request, const Snapshot& snapshot,
                           const EngineOptions& engines);

}  // namespace kubeproof
