// What the node may remember, as far as its fates have shown: usually one state, and several where
// a choice stayed invisible (a packet that died after an endpoint was picked for it leaves an
// affinity behind all the same). Packets that follow tell them apart.
//
// States that are possible at one time share their flows as long as these do not differ, so that a
// further one costs little. At most kMostStates are kept, the likeliest; from then on a fate that
// agrees with none of them may agree with one that was forgotten, so what is permitted has an
// undecided outcome too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
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
  static constexpr size_t kMostStates = 64;

  Belief();

  // All that may become of the packet in any state that is possible. Valid until the next call.
  std::span<const Outcome> evaluate(netfilter::Interpreter& interpreter, const Injection& injection,
                                    netfilter::Instant now);

  // Keeps the states that the outcomes seen lead to. Says why it keeps none, and then nothing
  // changes.
  std::optional<std::string> commit(std::span<const OutcomeMatch> matches, netfilter::Instant now);

  // Changes every possible state in the same way.
  void change_flows(const std::function<void(netfilter::FlowState&)>& change);
  void change_recent(const std::function<void(netfilter::RecentLists&)>& change);

  // How many states are possible, and in how many their flows differ.
  size_t size() const { return hypotheses_.size(); }
  size_t distinct_flows() const;

 private:
  using FlowState = netfilter::FlowState;
  struct Hypothesis {
    std::shared_ptr<FlowState> flows = std::make_shared<FlowState>();
    netfilter::RecentLists recent;
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
    std::optional<netfilter::ConnectionTable::Id> evicted{};  // gives its port away

    void apply(FlowState& to, netfilter::Instant now) const;
  };

  bool has_one_state() const { return hypotheses_.size() == 1 && !forgot_states_; }
  Origin origin(size_t outcome) const;
  std::optional<Successor> successor(const OutcomeMatch& match, netfilter::Instant now,
                                     std::string& why_not) const;
  void become(const std::vector<Successor>& successors, netfilter::Instant now);
  std::vector<std::shared_ptr<FlowState>> flows_after(const std::vector<Successor>& successors,
                                                      netfilter::Instant now);
  void merge_equal();
  void forget_unlikely();

  std::vector<Hypothesis> hypotheses_;
  std::vector<netfilter::OutcomeSet> outcomes_;  // by hypothesis
  bool forgot_states_ = false;
  // Unless there is one state: all outcomes, weighted.
  std::vector<Outcome> merged_;
  std::vector<Origin> origins_;
};

}  // namespace kubeproof
