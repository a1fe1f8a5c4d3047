// Leaves a case for each divergence of a replay: one file with the packets, the objects and the
// node's world that show it. A case that is named in a report has been run, and has shown the
// divergence again.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "model/result.h"
#include "model/snapshot/snapshot.h"
#include "replay/report/report.h"
#include "replay/run/captured_flows.h"
#include "replay/session/session.h"

namespace kubeproof {

struct DivergenceCases {
  std::filesystem::path folder;  // is there
  Snapshot snapshot;
  World world;
  CaptureSet captures;
  // A fresh engine of that name, alone.
  std::function<Result<std::vector<EngineChoice>>(const std::string& name)> make_engine;
  OracleFactory make_oracle;
  // What to type to run a case with that engine: "kubeproof run --engine ebpf-tc FILE".
  std::function<std::string(const std::string& engine, const std::string& file)> command;
  // Told before each divergence; may be empty.
  std::function<void(const std::string& what)> progress;
};

// Writes FOLDER/ENGINE-N.json for the first divergences of each engine, and of the captured node,
// and names the files in the report. First with the packets of the diverging flow alone, then with
// those around it, then with all before it; what is not needed is left out again. Where even those
// do not show it again, there is no file.
Result<void> write_divergence_cases(const DivergenceCases& cases, Report& report);

}  // namespace kubeproof
