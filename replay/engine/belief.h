// What the node may remember, as far as its fates have shown: usually one state, and several where
// a choice stayed invisible (a packet that died after an endpoint was picked for it leaves an
// affinity behind all the same). Packets that follow tell them apart.
//
// States that are possible at one time share their flows as long as these do not differ, so that a
// further one costs little. Where they differ only in the affinities of one source, these are kept
// apart until the source sends again: what is not known of one source has nothing to do with what
// is not known of another, and states would multiply where this way they add up. That takes for
// granted that rules of `recent` ask for the source a packet came in with, and is left aside where
// a list is so full that one source may evict another.
//
// At most kMostStates are kept, and as many alternatives for a source, the likeliest; from then on
// a fate that agrees with none of them may agree with one that was forgotten, so what is permitted
// has an undecided outcome too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_set>
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

  // Changes the flows of every possible state in the same way.
  void change_flows(const std::function<void(netfilter::FlowState&)>& change);
  // Lists live as long as a rule names them.
  void retain_lists(const std::unordered_set<netfilter::ListId>& named);

  // How many states are possible, and in how many their flows differ.
  size_t size() const;
  size_t distinct_flows() const;

 private:
  using FlowState = netfilter::FlowState;
  // What the lists may say of a source.
  struct Alternative {
    std::vector<netfilter::RecentStamp> stamps;
    double weight = 1;
    friend bool operator==(const Alternative&, const Alternative&) = default;
  };
  using Alternatives = std::vector<Alternative>;
  struct Hypothesis {
    std::shared_ptr<FlowState> flows = std::make_shared<FlowState>();
    netfilter::RecentLists recent;  // without the sources in `open`
    std::map<IpAddress, Alternatives> open;
    double weight = 1;

    bool is_crowded() const;
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

  bool may_have_forgotten() const { return forgot_states_ || forgotten_.contains(asked_); }
  bool has_one_state() const { return hypotheses_.size() == 1 && !may_have_forgotten(); }
  Origin origin(size_t outcome) const;
  std::optional<Successor> successor(const OutcomeMatch& match, netfilter::Instant now,
                                     std::string& why_not) const;
  void become(const std::vector<Successor>& successors, netfilter::Instant now);
  std::vector<std::shared_ptr<FlowState>> flows_after(const std::vector<Successor>& successors,
                                                      netfilter::Instant now);
  void merge_equal();
  // Makes states of a source's alternatives, and alternatives of such states.
  void unfold(const IpAddress& source);
  void unfold_crowded();
  void fold(const IpAddress& source);
  void forget_unlikely();

  std::vector<Hypothesis> hypotheses_;
  std::vector<netfilter::OutcomeSet> outcomes_;  // by hypothesis
  IpAddress asked_;                              // the source of the last packet
  bool forgot_states_ = false;
  std::set<IpAddress> forgotten_;  // sources with an alternative too many
  // Unless there is one state: all outcomes, weighted.
  std::vector<Outcome> merged_;
  std::vector<Origin> origins_;
};

}  // namespace kubeproof
