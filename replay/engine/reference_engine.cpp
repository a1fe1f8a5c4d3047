#include "replay/engine/reference_engine.h"

#include <utility>

#include "replay/engine/free_port.h"

namespace kubeproof {
namespace {

// As often as netfilter looks for a port before it gives up (nf_nat_core.c, attempts halved from
// 128).
constexpr int kPortAttempts = 240;

}  // namespace

ReferenceEngine::ReferenceEngine(std::unique_ptr<Oracle> oracle, uint64_t seed)
    : oracle_(std::move(oracle)), random_(seed) {}

Result<void> ReferenceEngine::program(const Configuration& configuration) {
  return oracle_->program(configuration);
}

Result<void> ReferenceEngine::advance(std::chrono::nanoseconds duration) {
  oracle_->advance(duration);
  return {};
}

const Outcome* ReferenceEngine::pick(std::span<const Outcome> outcomes) {
  double rest = std::uniform_real_distribution<double>(0, 1)(random_);
  for (const Outcome& outcome : outcomes) {
    rest -= outcome.probability;
    if (rest < 0) return &outcome;
  }
  return &outcomes.back();
}

OutcomeMatch ReferenceEngine::draw(const Outcome& outcome, size_t index, Fate& fate) {
  OutcomeMatch match;
  match.outcome = index;
  fate.clear();
  fate.trace = outcome.trace;
  for (const PermittedEmission& permitted : outcome.emissions) {
    Emission& emission = fate.add_emission(permitted.place, permitted.packet);
    std::optional<uint16_t>& port = match.ports.emplace_back();
    if (!permitted.free_port) continue;
    const FreePort& free = *permitted.free_port;
    port = std::uniform_int_distribution<uint16_t>(free.first, free.last)(random_);
    substitute_port(emission.packet, free.packet_offset, *port);
  }
  return match;
}

Result<void> ReferenceEngine::inject(const Injection& injection, Fate& fate) {
  std::optional<std::string> refused;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    const auto outcomes = oracle_->evaluate(injection);
    if (outcomes.empty()) return environment_error("the reference permits nothing for a packet");
    const Outcome* outcome = pick(outcomes);
    const OutcomeMatch match = draw(*outcome, static_cast<size_t>(outcome - outcomes.data()), fate);
    refused = oracle_->commit({&match, 1});
    if (!refused) return {};
  }
  // Every port is taken: the packet is dropped, and nothing remembers it.
  fate.clear();
  return {};
}

}  // namespace kubeproof
