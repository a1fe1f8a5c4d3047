#include "replay/engine/belief.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kubeproof {

using netfilter::Connection;
using netfilter::Instant;
using netfilter::State;
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
    interpreter.run(injection, hypotheses_[i].state, now, outcomes_[i]);
  }
  if (hypotheses_.size() == 1) return outcomes_[0].outcomes();

  merged_.clear();
  origins_.clear();
  for (size_t i = 0; i < hypotheses_.size(); ++i) {
    for (size_t j = 0; j < outcomes_[i].size(); ++j) {
      Outcome& outcome = merged_.emplace_back(outcomes_[i].outcome(j));
      outcome.probability *= hypotheses_[i].weight;
      origins_.push_back({i, j});
    }
  }
  return merged_;
}

Belief::Origin Belief::origin(size_t outcome) const {
  return hypotheses_.size() == 1 ? Origin{0, outcome} : origins_[outcome];
}

const State& Belief::state_behind(size_t outcome) const {
  return hypotheses_[origin(outcome).hypothesis].state;
}

const StateChange& Belief::change_behind(size_t outcome) const {
  const Origin from = origin(outcome);
  return outcomes_[from.hypothesis].change(from.outcome);
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
  if (hypothesis.state.connections.taken(known.reply, known, change.erased, now)) {
    why_not = fmt::format("port {} is taken: another connection has the replies {}", port,
                          known.reply.to_string());
    return std::nullopt;
  }
  return successor;
}

std::optional<std::string> Belief::commit(std::span<const OutcomeMatch> matches, Instant now) {
  // The common case: one state, and one way on from it.
  std::string why_not = "no outcome was seen";
  if (matches.size() == 1 && hypotheses_.size() == 1) {
    const auto only = successor(matches[0], now, why_not);
    if (!only) return why_not;
    only->change->apply(hypotheses_[0].state, only->drawn_port, now);
    return std::nullopt;
  }
  std::vector<Successor> successors;
  for (const OutcomeMatch& match : matches) {
    auto next = successor(match, now, why_not);
    if (!next) continue;
    // Choices that leave no trace lead to the same state.
    const auto same = std::find_if(successors.begin(), successors.end(), [&](const Successor& s) {
      return s.hypothesis == next->hypothesis && s.drawn_port == next->drawn_port &&
             *s.change == *next->change;
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

void Belief::become(std::vector<Successor>& successors, Instant now) {
  double total = 0;
  for (const Successor& successor : successors) total += successor.weight;
  std::vector<size_t> uses(hypotheses_.size(), 0);
  for (const Successor& successor : successors) ++uses[successor.hypothesis];

  std::vector<Hypothesis> next;
  next.reserve(successors.size());
  for (const Successor& successor : successors) {
    State& from = hypotheses_[successor.hypothesis].state;
    const bool last_use = --uses[successor.hypothesis] == 0;
    next.push_back({last_use ? std::move(from) : from, successor.weight / total});
    successor.change->apply(next.back().state, successor.drawn_port, now);
  }
  hypotheses_ = std::move(next);
}

void Belief::change(const std::function<void(State&)>& change) {
  for (Hypothesis& hypothesis : hypotheses_) change(hypothesis.state);
}

}  // namespace kubeproof
