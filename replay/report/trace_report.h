// One packet through every engine, side by side: what `kubeproof trace` shows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replay/compare/follower.h"
#include "replay/report/report.h"

namespace kubeproof {

// What became of the packet, in the few words that fit a table's column. Of several permitted
// outcomes, each line lists what they say, one after the other.
struct TraceSummary {
  std::string verdict;  // "dnat", "accept", "reject", "drop"
  std::string place;
  std::string source;
  std::string destination;
  std::string ttl;
};

struct TraceOutcome {
  double probability = 1;
  std::string text;
  std::string endpoint;  // empty where DNAT chose none
  bool masquerade = false;
  std::vector<std::string> rules;  // in the order in which the packet met them
};

struct TraceColumn {
  std::string name;
  ColumnStatus status = ColumnStatus::kRan;
  std::string reason;
  bool required = false;
  TraceSummary summary;
  std::string seen;
  std::string source;              // captured: which packet it was
  std::vector<std::string> steps;  // the engine's own words
  Judgement judgement = Judgement::kAgrees;
  Difference difference;
};

struct TraceReport {
  std::string packet;
  std::string ingress;
  std::vector<TraceOutcome> outcomes;  // of the reference
  TraceSummary permitted;
  std::vector<TraceColumn> engines;
  std::optional<TraceColumn> captured;
};

// Divergent where an engine or the captured node did what is not permitted; incomplete where an
// engine that was asked for could not run, or none could.
RunVerdict verdict_of(const TraceReport& report);

std::string render_trace_text(const TraceReport& report, bool color);
std::string render_trace_json(const TraceReport& report);

}  // namespace kubeproof
