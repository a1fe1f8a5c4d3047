// What engines did with packets, as data: of a replay, or of one case (case_report.h). The exit
// status follows from it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "replay/capture/captured_packet.h"
#include "replay/compare/follower.h"
#include "replay/report/traffic_cell.h"

namespace kubeproof {

// What became of a packet, by its emissions.
enum class FateClass : uint8_t { kForwarded, kDelivered, kAnswered, kDropped, kStayed };
inline constexpr size_t kFateClasses = 5;

// "forwarded", "delivered", "answered" (an ICMP error of the node's own, a rejection among them),
// "dropped", "stayed" (of the captured node: not seen leaving, so either delivered or dropped):
// stable names.
std::string_view to_string(FateClass fate);

struct DivergenceReport {
  size_t number = 0;      // within its column, from 1
  std::string source;     // "lab.pcap frame 17", "web.json step 3 packet 2"
  size_t step = 0;        // of a case, from 1; 0 otherwise
  FramePlace place;       // of a captured packet; frame 0 otherwise
  std::string ingress;    // "pod 10.180.0.9 (pod1)"
  std::string packet;     // as given to the engine, in one line
  TrafficCell cell;       // whose traffic it is
  bool is_reply = false;  // of a service to its client
  Disagreement disagreement;
  std::vector<std::string> decisions;  // the engine's own words
  uint64_t consequences = 0;           // later packets of the flow that disagree too
  std::string case_file;               // reproduces it; empty where none was written
  std::string case_command;            // runs that
  std::string scenario;                // where it was generated: all of it, several lines
};

enum class ColumnStatus : uint8_t {
  kRan,
  kSkipped,  // this machine cannot run the engine
  kFailed,   // the engine broke down on the way: nothing it did counts as passed
};

std::string_view to_string(ColumnStatus status);  // "ran", "skipped", "failed"

struct DeviationReport {
  std::string id;
  std::string title;
  uint64_t packets = 0;
};

// One engine's part of the comparison, or the captured node's.
struct ColumnReport {
  std::string name;
  ColumnStatus status = ColumnStatus::kRan;
  std::string reason;     // why it was skipped or failed
  bool required = false;  // without it the run is incomplete
  uint64_t packets = 0;
  uint64_t agree = 0;
  uint64_t deviate = 0;
  uint64_t diverge = 0;
  uint64_t consequences = 0;
  uint64_t undecided = 0;    // what decides is not understood by the reference
  uint64_t not_shown = 0;    // captured: packets whose fate the capture does not show
  uint64_t re_anchored = 0;  // replies moved to the endpoint that this engine picked
  std::array<uint64_t, kFateClasses> fates{};
  CellCounts cells;
  std::vector<DivergenceReport> divergences;  // the first ones; `diverge` counts all
  std::vector<DeviationReport> deviations;
};

// A line of what reading the captures met: {"segmented", "frames of several segments, cut", 12}.
struct ImportCount {
  std::string name;  // in JSON; stable
  std::string text;
  uint64_t count = 0;
  std::string first;                      // where it was met first: "a.pcap frame 17"; may be empty
  bool set_aside = false;                 // frames of this kind are not replayed
  std::vector<std::string> details = {};  // one line each: "a.pcap: after frame 902: truncated …"
};

// Which generated cases were run.
struct FuzzFigures {
  uint64_t seed = 0;
  uint64_t cases = 0;  // that were played
  uint64_t shard = 1;
  uint64_t shards = 1;
  std::chrono::seconds time{};
};

struct Report {
  std::string command;              // "replay", "fuzz"
  std::vector<std::string> inputs;  // captures
  std::string node;
  size_t services = 0;
  size_t endpoints = 0;
  std::vector<std::string> notes;  // what is odd about the objects, one line each
  std::vector<ImportCount> import;
  std::vector<ColumnReport> engines;
  std::optional<ColumnReport> captured;  // the reference held to the capture
  std::optional<FuzzFigures> fuzz;       // of `kubeproof fuzz`
};

enum class RunVerdict : uint8_t {
  kEquivalent,
  kDivergent,   // a divergence, in a case a failed expectation too
  kIncomplete,  // what was asked for could not run
  kEmpty,       // not one packet to compare, or to decide: nothing is shown
};

std::string_view to_string(RunVerdict verdict);  // "equivalent", "divergent", "incomplete", "empty"

RunVerdict verdict_of(const Report& report);

// 0, 1, 3, or 2 where there was nothing to compare.
int exit_status(RunVerdict verdict);

}  // namespace kubeproof
