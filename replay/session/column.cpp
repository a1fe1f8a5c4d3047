#include "replay/session/column.h"

#include <utility>

namespace kubeproof {

Column::Column(std::unique_ptr<Engine> engine, std::unique_ptr<Oracle> oracle, const World& world,
               const TrafficClassifier& classifier, Ledger ledger)
    : engine_(std::move(engine)),
      follower_(std::move(oracle), world, std::move(ledger)),
      anchor_(world),
      tally_(std::string(engine_->name()), world, classifier) {}

void Column::break_down(const Error& error) {
  tally_.broke_down(error.message);
}

Result<void> Column::start(const Configuration& configuration) {
  auto programmed = engine_->program(configuration);
  if (programmed) programmed = follower_.program(configuration);
  if (programmed) return {};
  if (programmed.error().kind == ErrorKind::kBadInput) return programmed;
  tally_.skipped(programmed.error().message);
  return {};
}

void Column::program(const Configuration& configuration) {
  if (!runs()) return;
  auto programmed = engine_->program(configuration);
  if (programmed) programmed = follower_.program(configuration);
  if (!programmed) break_down(programmed.error());
}

void Column::advance(std::chrono::nanoseconds duration) {
  if (!runs()) return;
  follower_.advance(duration);
  const auto advanced = engine_->advance(duration);
  if (!advanced) break_down(advanced.error());
}

void Column::explain(bool on) {
  engine_->explain(on);
  follower_.explain(on);
}

std::span<const Outcome> Column::permit(const Injection& injection) {
  injection_ = injection;
  if (!runs()) return {};
  return follower_.permit(injection);
}

const Taken* Column::take(const PacketSource& source) {
  if (!runs()) return nullptr;
  const auto injected = engine_->inject(injection_, fate_);
  if (!injected) {
    break_down({injected.error().kind, source.to_string() + ": " + injected.error().message});
    return nullptr;
  }
  if (tap_) tap_(injection_, fate_);
  const Judged& judged = follower_.judge(fate_);
  tally_.count(injection_, fate_, judged, source);
  taken_.emplace(Taken{fate_, judged});
  return &*taken_;
}

void Column::take_captured(const CapturedPacket& captured, const PacketSource& source) {
  permit(anchor_.anchor(captured));
  if (take(source) != nullptr) anchor_.learn(captured, fate_);
}

void Column::add_divergence(const PacketSource& source, DifferencePart part) {
  tally_.add_divergence(injection_, fate_, source, follower_.note_divergence(), std::move(part));
}

ColumnReport Column::report() const {
  Tally tally = tally_;
  tally.set_re_anchored(anchor_.moved());
  tally.set_deviations(follower_.ledger());
  return tally.report();
}

}  // namespace kubeproof
