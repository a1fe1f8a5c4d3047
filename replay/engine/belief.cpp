#include "replay/engine/belief.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/netfilter/nat_binding.h"

namespace kubeproof {

using netfilter::Connection;
using netfilter::FlowState;
using netfilter::Instant;
using netfilter::RecentLists;
using netfilter::StateChange;

namespace {

// The port that was seen where the outcome left one open.
std::optional<uint16_t> port_seen(const OutcomeMatch& match) {
  for (const auto& port : match.ports) {
    if (port) return port;
  }
  return std::nullopt;
}

}  // namespace

Belief::Belief() : hypotheses_(1), outcomes_(1) {}

std::span<const Outcome> Belief::evaluate(netfilter::Interpreter& interpreter,
                                          const Injection& injection, Instant now) {
  if (outcomes_.size() < hypotheses_.size()) outcomes_.resize(hypotheses_.size());
  for (size_t i = 0; i < hypotheses_.size(); ++i) {
    const Hypothesis& hypothesis = hypotheses_[i];
    interpreter.run(injection, {*hypothesis.flows, hypothesis.recent}, now, outcomes_[i]);
  }
  if (has_one_state()) return outcomes_[0].outcomes();

  merged_.clear();
  origins_.clear();
  for (size_t i = 0; i < hypotheses_.size(); ++i) {
    for (size_t j = 0; j < outcomes_[i].size(); ++j) {
      Outcome& outcome = merged_.emplace_back(outcomes_[i].outcome(j));
      outcome.probability *= hypotheses_[i].weight;
      origins_.push_back({i, j});
    }
  }
  if (forgot_states_) {
    Outcome& unknown = merged_.emplace_back();
    unknown.probability = 0;
    unknown.undecided = true;
    unknown.trace = {fmt::format("more than {} states are possible", kMostStates)};
  }
  return merged_;
}

Belief::Origin Belief::origin(size_t outcome) const {
  return has_one_state() ? Origin{0, outcome} : origins_[outcome];
}

std::optional<Belief::Successor> Belief::successor(const OutcomeMatch& match, Instant now,
                                                   std::string& why_not) const {
  const Origin from = origin(match.outcome);
  const Hypothesis& hypothesis = hypotheses_[from.hypothesis];
  const netfilter::OutcomeSet& outcomes = outcomes_[from.hypothesis];
  const StateChange& change = outcomes.change(from.outcome);
  Successor successor{from.hypothesis, &change, port_seen(match),
                      hypothesis.weight * outcomes.outcomes()[from.outcome].probability};
  if (change.kind == StateChange::Kind::kNone || !change.connection.drawn_from) {
    successor.drawn_port.reset();
    return successor;
  }
  if (!successor.drawn_port) return successor;

  const uint16_t port = *successor.drawn_port;
  const auto& range = *change.connection.drawn_from;
  if (!range.contains(port)) {
    why_not = fmt::format("port {} is not in {}-{}", port, range.first, range.last);
    return std::nullopt;
  }
  const Connection known = change.connection.with_drawn_port(port);
  const netfilter::ConnectionTable& connections = hypothesis.flows->connections;
  if (connections.taken(known.reply, known, change.erased, now)) {
    successor.evicted = netfilter::early_reuse(known, connections, now);
    if (successor.evicted) return successor;
    why_not = fmt::format("port {} is taken: another connection has the replies {}", port,
                          known.reply.to_string());
    return std::nullopt;
  }
  return successor;
}

void Belief::Successor::apply(FlowState& to, Instant now) const {
  if (evicted) to.connections.erase(*evicted);
  change->apply(to, drawn_port, now);
}

std::optional<std::string> Belief::commit(std::span<const OutcomeMatch> matches, Instant now) {
  // The common case: one state, and one way on from it.
  std::string why_not = "no outcome was seen";
  if (matches.size() == 1 && has_one_state()) {
    const auto only = successor(matches[0], now, why_not);
    if (!only) return why_not;
    Hypothesis& hypothesis = hypotheses_[0];
    only->apply(*hypothesis.flows, now);
    only->change->apply(hypothesis.recent);
    return std::nullopt;
  }
  std::vector<Successor> successors;
  for (const OutcomeMatch& match : matches) {
    // A state that was forgotten: nothing is known of what it leads to.
    if (!has_one_state() && match.outcome >= origins_.size()) return std::nullopt;
    auto next = successor(match, now, why_not);
    if (!next) continue;
    // Choices that leave no trace lead to the same state.
    const auto same = std::find_if(successors.begin(), successors.end(), [&](const Successor& s) {
      return s.hypothesis == next->hypothesis && s.drawn_port == next->drawn_port &&
             s.change->recent == next->change->recent && s.change->same_flows(*next->change);
    });
    if (same == successors.end()) {
      successors.push_back(*next);
    } else {
      same->weight += next->weight;
    }
  }
  if (successors.empty()) return why_not;
  become(successors, now);
  return std::nullopt;
}

void Belief::become(const std::vector<Successor>& successors, Instant now) {
  std::vector<Hypothesis> next(successors.size());
  for (size_t i = 0; i < successors.size(); ++i) {
    const Successor& successor = successors[i];
    next[i].recent = hypotheses_[successor.hypothesis].recent;
    successor.change->apply(next[i].recent);
    next[i].weight = successor.weight;
  }
  const auto flows = flows_after(successors, now);
  for (size_t i = 0; i < next.size(); ++i) next[i].flows = flows[i];
  hypotheses_ = std::move(next);
  if (hypotheses_.size() > 1) {
    merge_equal();
    forget_unlikely();
  }
  double total = 0;
  for (const Hypothesis& hypothesis : hypotheses_) total += hypothesis.weight;
  for (Hypothesis& hypothesis : hypotheses_) hypothesis.weight /= total;
}

// Successors that share their flows and change them alike share them further. Flows are copied only
// where ways part: the last to change them does so in place.
std::vector<std::shared_ptr<FlowState>> Belief::flows_after(
    const std::vector<Successor>& successors, Instant now) {
  struct Group {
    std::shared_ptr<FlowState> before;
    const Successor* successor;
    std::shared_ptr<FlowState> after;
  };
  std::vector<Group> groups;
  std::vector<size_t> group_of;
  for (const Successor& successor : successors) {
    const auto& before = hypotheses_[successor.hypothesis].flows;
    const auto same = std::find_if(groups.begin(), groups.end(), [&](const Group& group) {
      return group.before == before && group.successor->drawn_port == successor.drawn_port &&
             group.successor->change->same_flows(*successor.change);
    });
    group_of.push_back(static_cast<size_t>(same - groups.begin()));
    if (same == groups.end()) groups.push_back({before, &successor, nullptr});
  }
  const auto users = [&groups](const std::shared_ptr<FlowState>& flows) {
    return std::count_if(groups.begin(), groups.end(), [&](const Group& group) {
      return (group.after ? group.after : group.before) == flows;
    });
  };
  for (Group& group : groups) {
    const StateChange& change = *group.successor->change;
    const bool alone = !change.changes_flows() || users(group.before) == 1;
    group.after = alone ? group.before : std::make_shared<FlowState>(*group.before);
    group.successor->apply(*group.after, now);
  }
  std::vector<std::shared_ptr<FlowState>> flows;
  for (const size_t group : group_of) flows.push_back(groups[group].after);
  return flows;
}

void Belief::merge_equal() {
  std::vector<Hypothesis> distinct;
  for (Hypothesis& hypothesis : hypotheses_) {
    const auto same = std::find_if(distinct.begin(), distinct.end(), [&](const Hypothesis& other) {
      return other.flows == hypothesis.flows && other.recent == hypothesis.recent;
    });
    if (same == distinct.end()) {
      distinct.push_back(std::move(hypothesis));
    } else {
      same->weight += hypothesis.weight;
    }
  }
  hypotheses_ = std::move(distinct);
}

void Belief::forget_unlikely() {
  if (hypotheses_.size() <= kMostStates) return;
  std::stable_sort(hypotheses_.begin(), hypotheses_.end(),
                   [](const Hypothesis& a, const Hypothesis& b) { return a.weight > b.weight; });
  hypotheses_.resize(kMostStates);
  forgot_states_ = true;
}

void Belief::change_flows(const std::function<void(FlowState&)>& change) {
  std::vector<const FlowState*> changed;
  for (Hypothesis& hypothesis : hypotheses_) {
    if (std::find(changed.begin(), changed.end(), hypothesis.flows.get()) != changed.end()) {
      continue;
    }
    change(*hypothesis.flows);
    changed.push_back(hypothesis.flows.get());
  }
}

void Belief::change_recent(const std::function<void(RecentLists&)>& change) {
  for (Hypothesis& hypothesis : hypotheses_) change(hypothesis.recent);
}

size_t Belief::distinct_flows() const {
  std::vector<const FlowState*> distinct;
  for (const Hypothesis& hypothesis : hypotheses_) distinct.push_back(hypothesis.flows.get());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  return distinct.size();
}

}  // namespace kubeproof
