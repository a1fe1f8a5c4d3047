// One scenario, played through an engine with the reference following it packet by packet.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "model/result.h"
#include "replay/case/case.h"
#include "replay/compare/ledger.h"
#include "replay/engine/engine.h"
#include "replay/explore/scenario.h"
#include "replay/fuzz/run_figures.h"
#include "replay/report/report.h"

namespace kubeproof::explore {

// The reason where an engine or the reference broke down.
inline constexpr const char* kMachinery = "machinery";

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

// Who learns what was played; what is null is not told, and costs nothing.
struct Audience {
  Watch watch = {};
  RunFigures* figures = nullptr;   // the rules that packets met, which explaining finds out
  ColumnReport* column = nullptr;  // added to
  std::string name = {};           // of the scenario, in that report
};

// The first divergence that the ledger does not cover, if there is one.
std::optional<ScenarioFailure> play_against(const Scenario& scenario, Engine& engine, Ledger ledger,
                                            const Audience& audience);

}  // namespace kubeproof::explore
