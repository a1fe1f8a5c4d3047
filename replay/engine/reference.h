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

// What a follower asks of a reference; tests of the comparison put a scripted one in its place.
class Oracle {
 public:
  Oracle() = default;
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;
  virtual ~Oracle() = default;

  // Installs a configuration, or the next one: connection state lives on.
  virtual Result<void> program(const Configuration& configuration) = 0;

  virtual void advance(std::chrono::nanoseconds duration) = 0;

  // Every outcome permitted for this packet, their probabilities adding up to one. Changes nothing;
  // valid until the next call of any member.
  virtual std::span<const Outcome> evaluate(const Injection& injection) = 0;

  // Takes the outcomes of the last evaluate() that agree with what was seen; several where the
  // choice between them stays invisible. Says why not, and takes none, when a chosen port was not
  // free to be chosen.
  virtual std::optional<std::string> commit(std::span<const OutcomeMatch> matches) = 0;

  // While on, outcomes carry the rules that the packet traversed.
  virtual void explain(bool on) = 0;
};

class Reference final : public Oracle {
 public:
  Reference();
  ~Reference() override;

  Result<void> program(const Configuration& configuration) override;
  void advance(std::chrono::nanoseconds duration) override;
  std::span<const Outcome> evaluate(const Injection& injection) override;
  std::optional<std::string> commit(std::span<const OutcomeMatch> matches) override;
  void explain(bool on) override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace kubeproof
