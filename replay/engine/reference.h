// The reference as a follower: it offers every outcome that kube-proxy's rules permit for a packet,
// and commits to the one that the engine under comparison took. One Reference per engine: each
// engine makes its own choices, and all that follows from them is held to them.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/node/fate.h"
#include "model/result.h"
#include "replay/engine/engine.h"

namespace kubeproof {

// An outcome that agrees with what was seen, and the free ports as seen, one entry for each
// emission of the outcome (absent where it had none).
struct OutcomeMatch {
  size_t outcome = 0;
  std::vector<std::optional<uint16_t>> ports;
};

class Reference {
 public:
  Reference();
  ~Reference();
  Reference(Reference&&) noexcept;
  Reference& operator=(Reference&&) noexcept;

  // Installs a configuration, or the next one: connection state lives on.
  Result<void> program(const Configuration& configuration);

  void advance(std::chrono::nanoseconds duration);

  // Every outcome permitted for this packet, their probabilities adding up to one. Changes nothing;
  // valid until the next call of any member.
  std::span<const Outcome> evaluate(const Injection& injection);

  // Takes the outcomes of the last evaluate() that agree with what was seen; several where the
  // choice between them stays invisible. Says why not when a chosen port was not free to be chosen.
  std::optional<std::string> commit(std::span<const OutcomeMatch> matches);

  // While on, outcomes carry the rules that the packet traversed.
  void explain(bool on);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace kubeproof
