#include "replay/compare/captured.h"

#include <algorithm>
#include <utility>

namespace kubeproof {
namespace {

// The delivery that a packet without departure may have ended in, where there is only one: the
// answer of that socket will be seen translated.
const PermittedEmission* only_delivery(std::span<const Outcome> outcomes) {
  const PermittedEmission* found = nullptr;
  for (const Outcome& outcome : outcomes) {
    for (const PermittedEmission& emission : outcome.emissions) {
      if (!emission.place.is_sockets()) continue;
      if (found != nullptr) return nullptr;
      found = &emission;
    }
  }
  return found;
}

// Delivered to the node's own sockets from a port that only they get to see.
bool port_stays_unseen(std::span<const Outcome> outcomes) {
  return std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& outcome) {
    return std::any_of(outcome.emissions.begin(), outcome.emissions.end(),
                       [](const PermittedEmission& emission) {
                         return emission.place.is_sockets() && emission.free_port;
                       });
  });
}

bool is_delivery(const Outcome& outcome) {
  return !outcome.rejected &&
         std::any_of(outcome.emissions.begin(), outcome.emissions.end(),
                     [](const auto& emission) { return emission.place.is_sockets(); });
}

bool leaves(const Outcome& outcome) {
  return std::any_of(outcome.emissions.begin(), outcome.emissions.end(),
                     [](const auto& emission) { return !emission.place.is_sockets(); });
}

}  // namespace

CapturedCheck::CapturedCheck(std::unique_ptr<Oracle> oracle, const World& world)
    : follower_(std::move(oracle), world, Ledger({})), anchor_(world) {}

const Judged* CapturedCheck::check(const CapturedPacket& captured) {
  const auto flow = flow_key(captured.packet);
  if (flow && unseen_flows_.find(*flow) != 0) return nullptr;
  const Injection injection = anchor_.anchor(captured);
  const auto outcomes = follower_.permit(injection);
  if (captured.departures.empty()) {
    const bool unseen = !captured.departures_complete || port_stays_unseen(outcomes);
    if (const PermittedEmission* delivery = only_delivery(outcomes)) {
      anchor_.learn(captured, delivery->packet);
    }
    if (unseen) {
      // Where there was a choice, the reference cannot know what is right for what follows.
      if (!follower_.assume() && flow) unseen_flows_.add(*flow, 1);
      return nullptr;
    }
  }
  const bool may_be_delivered = std::any_of(outcomes.begin(), outcomes.end(), is_delivery);
  const bool may_leave = std::any_of(outcomes.begin(), outcomes.end(), leaves);
  departures_.clear();
  for (const CapturedPacket::Departure& departure : captured.departures) {
    // An error that the node made about a packet for its own sockets may be theirs: no part of the
    // fate.
    if (departure.is_answer && may_be_delivered) continue;
    // What came over loopback and neither leaves nor is delivered was taken by a rule for INPUT.
    if (departure.loopback && !departure.is_answer && !may_be_delivered && !may_leave) continue;
    std::optional<Place> place;
    if (departure.loopback) {
      place = Place::sockets();
    } else if (departure.interface) {
      place = Place{*departure.interface};
    }
    departures_.push_back({departure.packet, place});
  }
  return &follower_.judge_departures(departures_);
}

}  // namespace kubeproof
