#include "replay/compare/follower.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "model/packet/packet_view.h"
#include "replay/compare/explain.h"

namespace kubeproof {
namespace {

constexpr size_t kOutcomesShown = 8;

bool is_undecided(const Outcome& outcome) {
  return outcome.undecided;
}

bool is_answer(const Outcome& outcome) {
  return !outcome.emissions.empty() &&
         std::all_of(outcome.emissions.begin(), outcome.emissions.end(),
                     [](const auto& emission) { return is_icmp_error_packet(emission.packet); });
}

bool looks_alike(const PermittedEmission& one, const PermittedEmission& other) {
  const auto range = [](const PermittedEmission& each) {
    const FreePort free = each.free_port.value_or(FreePort{});
    return std::tuple(each.free_port.has_value(), free.packet_offset, free.first, free.last);
  };
  return one.place == other.place && one.packet == other.packet && range(one) == range(other);
}

// From outside; what they leave behind may differ.
bool looks_alike(const Outcome& one, const Outcome& other) {
  return one.undecided == other.undecided &&
         std::equal(one.emissions.begin(), one.emissions.end(), other.emissions.begin(),
                    other.emissions.end(),
                    [](const auto& a, const auto& b) { return looks_alike(a, b); });
}

bool stays_atomic(std::span<const Outcome> outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
    return std::any_of(outcome.emissions.begin(), outcome.emissions.end(), [](const auto& each) {
      const auto view = parse_packet(each.packet);
      return view && view->fragment_header_offset != 0;
    });
  });
}

// Of a fragment of which nothing came but errors: the outcomes that are errors as well. Which
// endpoint was chosen before does not show.
std::vector<OutcomeMatch> answers_to_fragment(ByteView packet, std::span<const Seen> seen,
                                              std::span<const Outcome> outcomes) {
  const auto view = parse_packet(packet);
  if (!view || !view->is_fragment || !std::all_of(seen.begin(), seen.end(), [](const Seen& one) {
        return is_icmp_error_packet(one.packet);
      })) {
    return {};
  }
  std::vector<OutcomeMatch> answers;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (!is_answer(outcomes[i])) continue;
    answers.emplace_back().outcome = i;
    answers.back().ports.resize(outcomes[i].emissions.size());
  }
  return answers;
}

}  // namespace

std::string_view to_string(Judgement judgement) {
  constexpr std::array<std::string_view, 5> kNames = {"agrees", "deviates", "diverges",
                                                      "consequence", "undecided"};
  return kNames[static_cast<size_t>(judgement)];
}

Follower::Follower(std::unique_ptr<Oracle> oracle, const World& world, Ledger ledger)
    : oracle_(std::move(oracle)), world_(world), ledger_(std::move(ledger)), invariants_(world) {}

Result<void> Follower::program(const Configuration& configuration) {
  interruptions_.note_configuration();
  return oracle_->program(configuration);
}

void Follower::explain(bool on) {
  explain_ = on;
  oracle_->explain(on);
}

std::span<const Outcome> Follower::permit(const Injection& injection) {
  injection_ = injection;
  outcomes_ = oracle_->evaluate(injection);
  return outcomes_;
}

const Judged& Follower::follow(const Injection& injection, const Fate& fate) {
  permit(injection);
  return judge(fate);
}

size_t Follower::note_divergence() {
  ++divergences_;
  taint({}, divergences_);
  return divergences_;
}

void Follower::see(ByteView packet, std::optional<Place> place) {
  const auto view = parse_packet(packet);
  // A datagram in one piece may still carry IPv6's fragment header (RFC 6946), which netfilter
  // takes off unless the transport header is cut short.
  if (!view ||
      (!view->is_fragment && (view->fragment_header_offset == 0 || stays_atomic(outcomes_)))) {
    seen_.push_back({packet, place});
    return;
  }
  const auto given = parse_packet(injection_.packet);
  DatagramAssembler& assembler = given && given->is_fragment ? assembler_ : cut_here_;
  auto datagram = assembler.add(place.value_or(Place{}), packet, *view);
  if (!datagram) {
    pieces_.push_back({packet, place});
    return;
  }
  // A vector's buffer stays where it is when the vector is moved.
  assembled_.push_back(std::move(*datagram));
  seen_.push_back({assembled_.back(), place});
}

void Follower::forget_seen() {
  seen_.clear();
  pieces_.clear();
  assembled_.clear();
  cut_here_ = {};
}

const Judged& Follower::judge(const Fate& fate) {
  forget_seen();
  for (const Emission& emission : fate) see(emission.packet, emission.place);
  violations_.clear();
  invariants_.check(injection_, fate, violations_);
  return conclude(Visibility::kEverything);
}

const Judged& Follower::judge_departures(std::span<const Seen> departures) {
  forget_seen();
  for (const Seen& departure : departures) see(departure.packet, departure.place);
  violations_.clear();
  const bool delivered = std::any_of(departures.begin(), departures.end(), [](const Seen& seen) {
    return seen.place && seen.place->is_sockets();
  });
  return conclude(delivered ? Visibility::kEverything : Visibility::kDeparturesOnly);
}

bool Follower::assume() {
  const bool certain =
      outcomes_.size() == 1 &&
      std::none_of(
          outcomes_.front().emissions.begin(), outcomes_.front().emissions.end(),
          [](const PermittedEmission& emission) { return emission.free_port.has_value(); });
  if (certain) commit_nearest(outcomes_.front());
  outcomes_ = {};
  return certain;
}

const Judged& Follower::conclude(Visibility visibility) {
  judged_.judgement = Judgement::kAgrees;
  const auto view = parse_packet(injection_.packet);
  overtaken_by_ = view && view->is_fragment ? fragment_order_.note(*view) : nullptr;
  interrupted_ = view ? interruptions_.note(*view, seen_, pieces_) : nullptr;
  const auto matches = matcher_.match(seen_, outcomes_, visibility);
  if (!matches.empty() && violations_.empty() && !pieces_lead_elsewhere(matches)) {
    auto refused = oracle_->commit(matches);
    if (refused) disagree(visibility, std::move(refused));
  } else if (const bool open = std::any_of(outcomes_.begin(), outcomes_.end(), is_undecided);
             open || undecided_.concern(injection_.packet) || undecided_.may_clash(outcomes_)) {
    judged_.judgement = Judgement::kUndecided;
    undecided_.add(injection_.packet, seen_);
    if (open) commit_undecided();
  } else {
    disagree(visibility, std::nullopt);
  }
  outcomes_ = {};
  return judged_;
}

void Follower::disagree(Visibility visibility, std::optional<std::string> refused_port) {
  judged_.deviation = nullptr;
  judged_.disagreement = {};
  Disagreement& told = judged_.disagreement;
  const auto flow = flow_key(injection_.packet);
  const size_t earlier = flow ? tainted_.find(*flow) : 0;

  oracle_->explain(true);
  outcomes_ = oracle_->evaluate(injection_);
  told.difference = explain_difference(world_, seen_, outcomes_, visibility);
  if (refused_port) {
    told.difference.add(DifferenceKind::kSourcePortNotUnique, std::move(*refused_port));
  }
  for (DifferencePart& part : violations_) told.difference.parts.push_back(std::move(part));
  told.difference.sort();

  told.seen = describe_seen(world_, seen_);
  told.outcomes = outcomes_.size();
  const auto answers = answers_to_fragment(injection_.packet, seen_, outcomes_);
  size_t index = told.difference.nearest_outcome;
  if (const auto led = outcome_of_pieces()) {
    index = *led;
  } else if (!answers.empty()) {
    index = answers.front().outcome;
  }
  const Outcome nearest = outcomes_.empty() ? Outcome{} : outcomes_[index];
  told.rules = nearest.trace;
  for (const PermittedEmission& emission : nearest.emissions) {
    told.nearest.add_emission(emission.place, emission.packet);
  }
  for (size_t i = 0; i < std::min(outcomes_.size(), kOutcomesShown); ++i) {
    const size_t shown = i == 0 ? index : i <= index ? i - 1 : i;
    told.permitted.push_back(describe_outcome(world_, outcomes_[shown]));
  }

  if (const Deviation* deviation = ledger_.take(
          {injection_, seen_, outcomes_, told.difference, overtaken_by_, pieces_, interrupted_})) {
    judged_.judgement = Judgement::kDeviates;
    judged_.deviation = deviation;
  } else if (earlier != 0) {
    judged_.judgement = Judgement::kConsequence;
    judged_.divergence = earlier;
    taint(nearest, earlier);
  } else {
    judged_.judgement = Judgement::kDiverges;
    judged_.divergence = ++divergences_;
    taint(nearest, judged_.divergence);
  }
  if (judged_.deviation != nullptr && judged_.deviation->is_loss) {
    // Nothing is committed.
  } else if (!answers.empty() && index == answers.front().outcome) {
    (void)oracle_->commit(answers);
  } else if (!outcomes_.empty()) {
    commit_nearest(nearest);
  }
  oracle_->explain(explain_);
}

std::optional<size_t> Follower::outcome_of_pieces() const {
  if (!seen_.empty()) return std::nullopt;
  for (const Seen& piece : pieces_) {
    const auto went = parse_packet(piece.packet);
    if (!went || !went->is_first_fragment) continue;
    for (size_t i = 0; i < outcomes_.size(); ++i) {
      for (const PermittedEmission& emission : outcomes_[i].emissions) {
        const auto permitted = parse_packet(emission.packet);
        if (permitted && piece.place == emission.place &&
            permitted->destination_endpoint() == went->destination_endpoint()) {
          return i;
        }
      }
    }
  }
  return std::nullopt;
}

bool Follower::pieces_lead_elsewhere(std::span<const OutcomeMatch> matches) const {
  const auto led = outcome_of_pieces();
  return led && std::none_of(matches.begin(), matches.end(),
                             [&](const OutcomeMatch& match) { return match.outcome == *led; });
}

void Follower::commit_nearest(const Outcome& nearest) {
  std::vector<OutcomeMatch> matches;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (looks_alike(outcomes_[i], nearest)) matches.push_back(nearest_match(outcomes_[i], i));
  }
  // A port that is taken leaves the flow uncommitted; it is tainted anyway.
  (void)oracle_->commit(matches);
}

void Follower::commit_undecided() {
  std::vector<OutcomeMatch> matches;
  for (size_t i = 0; i < outcomes_.size(); ++i) {
    if (is_undecided(outcomes_[i])) matches.push_back(nearest_match(outcomes_[i], i));
  }
  (void)oracle_->commit(matches);
}

OutcomeMatch Follower::nearest_match(const Outcome& nearest, size_t index) const {
  OutcomeMatch match;
  match.outcome = index;
  for (const PermittedEmission& emission : nearest.emissions) {
    std::optional<uint16_t>& port = match.ports.emplace_back();
    if (!emission.free_port) continue;
    const FreePort& free = *emission.free_port;
    port = free.first;
    for (const Seen& one : seen_) {
      if (free.packet_offset + size_t{2} > one.packet.size()) continue;
      const uint16_t observed = load16(one.packet, free.packet_offset);
      if (observed >= free.first && observed <= free.last) port = observed;
    }
    for (const Seen& piece : pieces_) {
      const auto went = parse_packet(piece.packet);
      if (!went || !went->is_first_fragment) continue;
      if (went->source_port >= free.first && went->source_port <= free.last) {
        port = went->source_port;
      }
    }
  }
  return match;
}

void Follower::taint(const Outcome& nearest, size_t divergence) {
  const auto add = [&](ByteView packet) {
    if (const auto flow = flow_key(packet)) tainted_.add(*flow, divergence);
  };
  add(injection_.packet);
  for (const Seen& one : seen_) add(one.packet);
  for (const PermittedEmission& emission : nearest.emissions) add(emission.packet);
}

}  // namespace kubeproof
