// A reference whose outcomes the test writes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "replay/engine/reference.h"

namespace kubeproof {

// What the oracle was asked and told; outlives it, so that tests can look.
struct OracleScript {
  std::vector<Outcome> outcomes;  // of every packet, until the test changes them
  std::optional<std::string> refusal;
  std::vector<std::vector<OutcomeMatch>> commits;
  bool explaining = false;
};

class ScriptedOracle final : public Oracle {
 public:
  explicit ScriptedOracle(OracleScript& script) : script_(script) {}

  Result<void> program(const Configuration&) override { return {}; }
  void advance(std::chrono::nanoseconds) override {}
  std::span<const Outcome> evaluate(const Injection&) override {
    offered_ = script_.outcomes;
    if (!script_.explaining) {
      for (Outcome& outcome : offered_) outcome.trace.clear();
    }
    return offered_;
  }
  std::optional<std::string> commit(std::span<const OutcomeMatch> matches) override {
    if (script_.refusal) return std::exchange(script_.refusal, std::nullopt);
    script_.commits.emplace_back(matches.begin(), matches.end());
    offered_.clear();
    return std::nullopt;
  }
  void explain(bool on) override { script_.explaining = on; }

 private:
  OracleScript& script_;
  std::vector<Outcome> offered_;
};

}  // namespace kubeproof
