// One engine and the follower that holds it to the reference, with what they found so far. An
// engine that breaks down takes no further part, and nothing that it did counts as passed.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "replay/capture/captured_packet.h"
#include "replay/compare/anchor.h"
#include "replay/compare/follower.h"
#include "replay/engine/engine.h"
#include "replay/report/report.h"
#include "replay/session/packet_source.h"
#include "replay/session/tally.h"

namespace kubeproof {

// What an engine did with a packet and what the follower says of it. Valid until the next packet.
struct Taken {
  const Fate& fate;
  const Judged& judged;
};

class Column {
 public:
  // Sees every packet that the engine was given, and its fate.
  using Tap = std::function<void(const Injection&, const Fate&)>;

  // `world` and `classifier` outlive the column.
  Column(std::unique_ptr<Engine> engine, std::unique_ptr<Oracle> oracle, const World& world,
         const TrafficClassifier& classifier, Ledger ledger = Ledger({}));

  bool runs() const { return tally_.report().status == ColumnStatus::kRan; }
  std::string_view name() const { return tally_.report().name; }
  uint64_t divergences() const { return tally_.report().diverge; }
  void tap(Tap tap) { tap_ = std::move(tap); }

  // The first configuration. What the machine lacks makes the column one that was skipped; a
  // configuration that is wrong is the caller's to tell.
  Result<void> start(const Configuration& configuration);
  void program(const Configuration& configuration);
  void advance(std::chrono::nanoseconds duration);

  // While on, what the engine and the reference do is explained, at a price.
  void explain(bool on);

  // What is permitted for this packet; valid until take(). Its bytes must stay until then.
  std::span<const Outcome> permit(const Injection& injection);

  // Gives the engine the packet that was last permitted, and judges its fate. Nullptr once the
  // engine has broken down.
  const Taken* take(const PacketSource& source);

  // Both for a captured packet, re-anchored.
  void take_captured(const CapturedPacket& captured, const PacketSource& source);

  // A finding of the caller's own about the packet that was last taken, which no oracle objects to.
  void add_divergence(const PacketSource& source, DifferencePart part);

  ColumnReport report() const;

 private:
  void break_down(const Error& error);

  std::unique_ptr<Engine> engine_;
  Follower follower_;
  Anchor anchor_;
  Tally tally_;
  Tap tap_;
  Injection injection_;
  Fate fate_;
  std::optional<Taken> taken_;
};

}  // namespace kubeproof
