// One scenario, played through an engine with the reference following it packet by packet.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "model/result.h"
#include "replay/case/case.h"
#include "replay/engine/engine.h"
#include "replay/explore/scenario.h"
#include "tests/oracle/run_figures.h"

namespace kubeproof::explore {

struct OracleFailure {
  std::string reason;  // the most telling difference, or that the machinery failed
  std::string text;    // all of it, with the scenario
  Case recorded;       // up to the packet that showed it
};

// What else must hold once the scenario is over.
using AfterRun = std::function<Result<void>(RunFigures& figures)>;

// The first divergence, if there is one.
std::optional<OracleFailure> play_against(const Scenario& scenario, Engine& engine,
                                          const AfterRun& after, RunFigures& figures);

}  // namespace kubeproof::explore
