// What the node may remember, as far as its fates have shown: usually one state, and several where
// a choice stayed invisible (a packet that died after an endpoint was picked for it leaves an
// affinity behind all the same). Packets that follow tell them apart.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/netfilter/interpreter.h"
#include "model/netfilter/outcome_set.h"
#include "model/netfilter/state.h"
#include "model/node/fate.h"
#include "replay/engine/reference.h"

namespace kubeproof {

class Belief {
 public:
  Belief();

  // All that may become of the packet in any state that is possible. Valid until the next call.
  std::span<const Outcome> evaluate(netfilter::Interpreter& interpreter, const Injection& injection,
                                    netfilter::Instant now);

  // Keeps the states that the outcomes seen lead to. Says why it keeps none, and then nothing
  // changes.
  std::optional<std::string> commit(std::span<const OutcomeMatch> matches, netfilter::Instant now);

  // Changes every possible state in the same way.
  void change(const std::function<void(netfilter::State&)>& change);

  // A state that is possible, for taking a free port that is free there.
  const netfilter::State& state_behind(size_t outcome) const;
  const netfilter::StateChange& change_behind(size_t outcome) const;

  size_t size() const { return hypotheses_.size(); }

 private:
  struct Hypothesis {
    netfilter::State state;
    double weight = 1;
  };
  // An outcome of the last evaluate().
  struct Origin {
    size_t hypothesis;
    size_t outcome;
  };
  // A state that may follow.
  struct Successor {
    size_t hypothesis;
    const netfilter::StateChange* change;
    std::optional<uint16_t> drawn_port;
    double weight;
  };

  Origin origin(size_t outcome) const;
  std::optional<Successor> successor(const OutcomeMatch& match, netfilter::Instant now,
                                     std::string& why_not) const;
  void become(std::vector<Successor>& successors, netfilter::Instant now);

  std::vector<Hypothesis> hypotheses_;
  std::vector<netfilter::OutcomeSet> outcomes_;  // by hypothesis
  // Only with several hypotheses: all of their outcomes, weighted.
  std::vector<Outcome> merged_;
  std::vector<Origin> origins_;
};

}  // namespace kubeproof
