// Engines on generated cases, each followed by a reference of its own. What fails is made simpler
// and kept as a case. Every case comes from a seed of its own, drawn from the run's seed in its
// order, so that a run can be repeated, split into shards, and a single case looked at again.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "model/result.h"
#include "replay/explore/generate_scenario.h"
#include "replay/report/report.h"
#include "replay/session/session.h"

namespace kubeproof::explore {

struct FuzzPlan {
  uint64_t seed = 1;
  // Whichever comes first ends the run.
  uint64_t cases = UINT64_MAX;
  std::chrono::nanoseconds time = std::chrono::nanoseconds::max();
  size_t failures = 10;  // kinds of them, over all engines
  // The cases number `shard`, `shard` + `shards` and so on, from 1.
  uint64_t shard = 1;
  uint64_t shards = 1;
  std::optional<uint64_t> only;  // the case of this number alone
  ScenarioSize size = {.flows = 60, .steps = 400, .cluster_states = 4};
  TrafficKinds kinds = {.oddities = false, .groups = false};
  std::optional<std::filesystem::path> save;  // the folder for cases of what failed
};

// What the run asks of whoever started it.
struct FuzzHost {
  // Fresh engines with every call.
  std::function<Result<std::vector<EngineChoice>>()> make_engines;
  std::function<Result<std::vector<EngineChoice>>(const std::string& name)> make_engine;
  // What to type to run a saved case, and a case of this run, with that engine.
  std::function<std::string(const std::string& engine, const std::string& file)> run_command;
  std::function<std::string(const std::string& engine, uint64_t number)> fuzz_command;
  std::function<void(const std::string& line)> progress;
};

// Fails where the engines cannot be chosen, or a case not be written.
Result<Report> fuzz(const FuzzPlan& plan, const FuzzHost& host);

}  // namespace kubeproof::explore
