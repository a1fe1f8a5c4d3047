// One scenario, played through an engine with the reference following it packet by packet.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "model/result.h"
#include "replay/case/case.h"
#include "replay/engine/engine.h"
#include "replay/explore/scenario.h"
#include "replay/fuzz/run_figures.h"

namespace kubeproof::explore {

struct ScenarioFailure {
  // The most telling difference and what kind of packet showed it, or that the machinery failed.
  std::string reason;
  std::string text;
  std::string scenario;
  Case recorded;  // up to the packet that showed it
  size_t step = 0;
};

// Looks at the engine from outside.
struct Watch {
  std::function<Result<void>(RunFigures&)> now_and_then = [](RunFigures&) {
    return Result<void>();
  };
  std::function<Result<void>()> at_the_end = [] { return Result<void>(); };  // what else must hold
};

// A scenario that could not even begin.
std::optional<ScenarioFailure> machinery_failure(const Scenario& scenario, const Error& error);

// The first divergence, if there is one.
std::optional<ScenarioFailure> play_against(const Scenario& scenario, Engine& engine,
                                            const Watch& watch, RunFigures& figures);

}  // namespace kubeproof::explore
