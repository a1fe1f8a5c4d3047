#include "replay/compare/captured.h"

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

}  // namespace

CapturedCheck::CapturedCheck(std::unique_ptr<Oracle> oracle, const World& world)
    : follower_(std::move(oracle), world, Ledger({})), anchor_(world) {}

const Judged* CapturedCheck::check(const CapturedPacket& captured) {
  if (captured.departures.empty() && !captured.departures_complete) return nullptr;
  const Injection injection = anchor_.anchor(captured);
  const auto outcomes = follower_.permit(injection);
  if (captured.departures.empty()) {
    if (const PermittedEmission* delivery = only_delivery(outcomes)) {
      anchor_.learn(captured, delivery->packet);
    }
  }
  departures_.clear();
  for (const CapturedPacket::Departure& departure : captured.departures) {
    std::optional<Place> place;
    if (departure.interface) place = Place{*departure.interface};
    departures_.push_back({departure.packet, place});
  }
  return &follower_.judge_departures(departures_);
}

}  // namespace kubeproof
