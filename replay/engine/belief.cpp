#include "replay/engine/belief.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/netfilter/nat_binding.h"
#include "model/node/ip_header.h"

namespace kubeproof {

using netfilter::Connection;
using netfilter::FlowState;
using netfilter::Instant;
using netfilter::RecentList;
using netfilter::RecentStamp;
using netfilter::StateChange;

namespace {

// The port that was seen where the outcome left one open.
std::optional<uint16_t> port_seen(const OutcomeMatch& match) {
  for (const auto& port : match.ports) {
    if (port) return port;
  }
  return std::nullopt;
}

template <class Weighted>
void keep_likeliest(std::vector<Weighted>& all, size_t count) {
  std::stable_sort(all.begin(), all.end(),
                   [](const Weighted& a, const Weighted& b) { return a.weight > b.weight; });
  all.resize(count);
}

template <class Weighted>
void normalise(std::vector<Weighted>& all) {
  double total = 0;
  for (const Weighted& each : all) total += each.weight;
  for (Weighted& each : all) each.weight /= total;
}

// Adds to the weight of an equal one where there is one.
template <class Weighted, class Equal>
void add_to(std::vector<Weighted>& all, Weighted one, Equal equal) {
  const auto same = std::find_if(all.begin(), all.end(),
                                 [&](const Weighted& other) { return equal(other, one); });
  if (same == all.end()) {
    all.push_back(std::move(one));
  } else {
    same->weight += one.weight;
  }
}

IpAddress source_of(const Injection& injection) {
  const ByteView packet = injection.packet;
  const int version = packet.empty() ? 0 : packet[0] >> 4;
  if (version == 4 && packet.size() >= kIpv4HeaderSize) return kubeproof::source_of(packet);
  if (version == 6 && packet.size() >= kIpv6HeaderSize) return kubeproof::source_of(packet);
  return {};
}

}  // namespace

Belief::Belief() : hypotheses_(1), outcomes_(1) {}

std::span<const Outcome> Belief::evaluate(netfilter::Interpreter& interpreter,
                                          const Injection& injection, Instant now) {
  asked_ = source_of(injection);
  unfold(asked_);
  unfold_crowded();
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
  if (may_have_forgotten()) {
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
  if (std::any_of(match.ports.begin(), match.ports.end(),
                  [&](const auto& seen) { return seen && *seen != *successor.drawn_port; })) {
    why_not = "the copies of a packet have different ports";
    return std::nullopt;
  }

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
  std::string why_not;
  if (matches.size() == 1 && has_one_state()) {
    const auto only = successor(matches[0], now, why_not);
    if (!only) return why_not;
    Hypothesis& hypothesis = hypotheses_[0];
    only->apply(*hypothesis.flows, now);
    only->change->apply(hypothesis.recent);
    return std::nullopt;
  }
  why_not = "no outcome was seen";
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
    next[i].open = hypotheses_[successor.hypothesis].open;
    successor.change->apply(next[i].recent);
    next[i].weight = successor.weight;
  }
  const auto flows = flows_after(successors, now);
  for (size_t i = 0; i < next.size(); ++i) next[i].flows = flows[i];
  hypotheses_ = std::move(next);
  if (hypotheses_.size() > 1) {
    merge_equal();
    fold(asked_);
    forget_unlikely();
  }
  normalise(hypotheses_);
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
    add_to(distinct, std::move(hypothesis), [](const Hypothesis& a, const Hypothesis& b) {
      return a.flows == b.flows && a.recent == b.recent && a.open == b.open;
    });
  }
  hypotheses_ = std::move(distinct);
}

bool Belief::Hypothesis::is_crowded() const {
  return recent.longest() + open.size() >= RecentList::kCapacity;
}

void Belief::unfold(const IpAddress& source) {
  if (std::none_of(hypotheses_.begin(), hypotheses_.end(),
                   [&](const Hypothesis& each) { return each.open.contains(source); })) {
    return;
  }
  std::vector<Hypothesis> unfolded;
  for (Hypothesis& hypothesis : hypotheses_) {
    const auto open = hypothesis.open.extract(source);
    if (open.empty()) {
      unfolded.push_back(std::move(hypothesis));
      continue;
    }
    for (const Alternative& alternative : open.mapped()) {
      Hypothesis& one = unfolded.emplace_back(hypothesis);
      one.recent.put(source, alternative.stamps);
      one.weight *= alternative.weight;
    }
  }
  hypotheses_ = std::move(unfolded);
}

void Belief::unfold_crowded() {
  std::set<IpAddress> sources;
  for (const Hypothesis& hypothesis : hypotheses_) {
    if (hypothesis.open.empty() || !hypothesis.is_crowded()) continue;
    for (const auto& [source, alternatives] : hypothesis.open) sources.insert(source);
  }
  for (const IpAddress& source : sources) {
    unfold(source);
    forget_unlikely();
  }
}

void Belief::fold(const IpAddress& source) {
  if (std::any_of(hypotheses_.begin(), hypotheses_.end(),
                  [](const Hypothesis& each) { return each.is_crowded(); })) {
    return;
  }
  std::vector<Hypothesis> folded;
  std::vector<Alternatives> alternatives;
  for (Hypothesis& hypothesis : hypotheses_) {
    Alternative alternative{hypothesis.recent.take(source), hypothesis.weight};
    const auto same = std::find_if(folded.begin(), folded.end(), [&](const Hypothesis& other) {
      return other.flows == hypothesis.flows && other.recent == hypothesis.recent &&
             other.open == hypothesis.open;
    });
    const size_t place = static_cast<size_t>(same - folded.begin());
    if (same == folded.end()) {
      folded.push_back(std::move(hypothesis));
      alternatives.emplace_back();
    } else {
      same->weight += alternative.weight;
    }
    alternatives[place].push_back(std::move(alternative));
  }
  for (size_t i = 0; i < folded.size(); ++i) {
    if (alternatives[i].size() == 1) {
      folded[i].recent.put(source, alternatives[i].front().stamps);
      continue;
    }
    if (alternatives[i].size() > kMostStates) {
      keep_likeliest(alternatives[i], kMostStates);
      forgotten_.insert(source);
    }
    normalise(alternatives[i]);
    folded[i].open[source] = std::move(alternatives[i]);
  }
  hypotheses_ = std::move(folded);
}

void Belief::forget_unlikely() {
  if (hypotheses_.size() <= kMostStates) return;
  keep_likeliest(hypotheses_, kMostStates);
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

void Belief::retain_lists(const std::unordered_set<netfilter::ListId>& named) {
  const auto same_stamps = [](const Alternative& a, const Alternative& b) {
    return a.stamps == b.stamps;
  };
  for (Hypothesis& hypothesis : hypotheses_) {
    hypothesis.recent.retain(named);
    for (auto& [source, alternatives] : hypothesis.open) {
      Alternatives left;
      for (Alternative& each : alternatives) {
        std::erase_if(each.stamps,
                      [&](const RecentStamp& stamp) { return !named.contains(stamp.list); });
        add_to(left, std::move(each), same_stamps);
      }
      if (left.size() == 1) hypothesis.recent.put(source, left.front().stamps);
      alternatives = std::move(left);
    }
    std::erase_if(hypothesis.open, [](const auto& each) { return each.second.size() == 1; });
  }
}

size_t Belief::size() const {
  size_t states = 0;
  for (const Hypothesis& hypothesis : hypotheses_) {
    size_t product = 1;
    for (const auto& [source, alternatives] : hypothesis.open) product *= alternatives.size();
    states += product;
  }
  return states;
}

size_t Belief::distinct_flows() const {
  std::vector<const FlowState*> distinct;
  for (const Hypothesis& hypothesis : hypotheses_) distinct.push_back(hypothesis.flows.get());
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  return distinct.size();
}

}  // namespace kubeproof
