// The reference as an engine: among the outcomes that it permits, it takes one at random, as
// netfilter would. Agrees with itself by construction; it serves to check expectations where no
// other engine can run, and to show what kube-proxy would do.
#pragma once

#include <cstdint>
#include <memory>
#include <random>

#include "replay/engine/engine.h"
#include "replay/engine/reference.h"

namespace kubeproof {

class ReferenceEngine final : public Engine {
 public:
  ReferenceEngine(std::unique_ptr<Oracle> oracle, uint64_t seed);

  std::string_view name() const override { return "reference"; }
  Result<void> program(const Configuration& configuration) override;
  Result<void> inject(const Injection& injection, Fate& fate) override;
  Result<void> advance(std::chrono::nanoseconds duration) override;
  void explain(bool on) override { oracle_->explain(on); }

 private:
  const Outcome* pick(std::span<const Outcome> outcomes);
  // Fills `fate` with the outcome and the ports drawn for it.
  OutcomeMatch draw(const Outcome& outcome, size_t index, Fate& fate);

  std::unique_ptr<Oracle> oracle_;
  std::mt19937_64 random_;
};

}  // namespace kubeproof
