// What a packet may come to, each with the change of state that goes with it. Buffers are kept
// from packet to packet.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/netfilter/state.h"
#include "model/node/fate.h"

namespace kubeproof::netfilter {

class OutcomeSet {
 public:
  void clear() { count_ = 0; }
  // A further outcome, to be filled in: all of its fields are as they were before.
  void add() {
    if (count_ == outcomes_.size()) {
      outcomes_.emplace_back();
      changes_.emplace_back();
    }
    ++count_;
  }
  Outcome& outcome(size_t i) { return outcomes_[i]; }
  StateChange& change(size_t i) { return changes_[i]; }
  const StateChange& change(size_t i) const { return changes_[i]; }
  std::span<const Outcome> outcomes() const { return {outcomes_.data(), count_}; }
  size_t size() const { return count_; }

 private:
  std::vector<Outcome> outcomes_;  // the first count_ are in use
  std::vector<StateChange> changes_;
  size_t count_ = 0;
};

}  // namespace kubeproof::netfilter
