// Holds one engine to the reference. For every packet: ask the reference what is permitted, find
// the outcome that the engine took, and commit the reference to it, so that the engine's free
// choices stand and all that follows from them is checked.
//
// After a divergence the engine and the reference disagree about the state of the flow. The
// reference is then committed to the nearest outcome, and later packets of that flow that agree
// with nothing are consequences of that divergence, not news.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/result.h"
#include "replay/compare/datagrams.h"
#include "replay/compare/difference.h"
#include "replay/compare/flow_marks.h"
#include "replay/compare/fragment_order.h"
#include "replay/compare/interruptions.h"
#include "replay/compare/invariants.h"
#include "replay/compare/ledger.h"
#include "replay/compare/match.h"
#include "replay/compare/undecided_flows.h"
#include "replay/engine/reference.h"

namespace kubeproof {

enum class Judgement : uint8_t {
  kAgrees,
  kDeviates,     // differs as the ledger says
  kDiverges,     // news
  kConsequence,  // follows from an earlier divergence of the same flow
  kUndecided,    // rules that the reference does not understand would have decided
};

// "agrees", "deviates", "diverges", "consequence", "undecided": stable names.
std::string_view to_string(Judgement judgement);

// All that a report says of a fate that no outcome agrees with.
struct Disagreement {
  Difference difference;
  std::string seen;  // what the engine did
  std::vector<std::string>
      permitted;                   // what the reference permits, the nearest first, a few of them
  size_t outcomes = 0;             // how many it permits
  Fate nearest;                    // the nearest of them
  std::vector<std::string> rules;  // that the packet traversed on the way to the nearest outcome
};

struct Judged {
  Judgement judgement = Judgement::kAgrees;
  size_t divergence = 0;  // kDiverges: its number, from 1; kConsequence: of the one that it follows
  const Deviation* deviation = nullptr;  // kDeviates
  Disagreement disagreement;  // kDeviates and kDiverges; kConsequence: the difference only
};

class Follower {
 public:
  // `world` outlives the follower.
  Follower(std::unique_ptr<Oracle> oracle, const World& world, Ledger ledger = Ledger({}));

  Result<void> program(const Configuration& configuration);
  void advance(std::chrono::nanoseconds duration) {
    oracle_->advance(duration);
    assembler_.advance(duration);
  }

  // First half: what is permitted for this packet. The packet's bytes must stay until judge();
  // the outcomes are valid until then.
  std::span<const Outcome> permit(const Injection& injection);

  // Second half: what became of that packet. Valid until the next call.
  const Judged& judge(const Fate& fate);

  // Both halves.
  const Judged& follow(const Injection& injection, const Fate& fate);

  // The same for a fate known from a capture, invariants not checked: departures only, unless a
  // delivery is among them.
  const Judged& judge_departures(std::span<const Seen> departures);

  // In place of judging, for a fate that nobody saw: takes the one that is permitted for what
  // happened. False where there are several, or one with a port to choose: then nothing happens.
  bool assume();

  // Makes a divergence of the packet that was last judged, for a reason that no oracle knows;
  // returns its number.
  size_t note_divergence();

  // While on, the outcomes that permit() returns carry the rules that the packet traversed.
  void explain(bool on);

  const Ledger& ledger() const { return ledger_; }
  size_t divergences() const { return divergences_; }

 private:
  const Judged& conclude(Visibility visibility);
  void forget_seen();
  void see(ByteView packet, std::optional<Place> place);
  void disagree(Visibility visibility, std::optional<std::string> refused_port);
  // And to all that look like it: what was chosen unseen stays open.
  void commit_nearest(const Outcome& nearest);
  // All that are undecided stay possible: what was chosen on the way is not known either.
  void commit_undecided();
  OutcomeMatch nearest_match(const Outcome& nearest, size_t index) const;
  // The outcome that leads where the first fragment of a datagram went that is not whole.
  std::optional<size_t> outcome_of_pieces() const;
  // Where nothing came of it as far as could be seen.
  bool pieces_lead_elsewhere(std::span<const OutcomeMatch> matches) const;
  void taint(const Outcome& nearest, size_t divergence);

  std::unique_ptr<Oracle> oracle_;
  const World& world_;
  Ledger ledger_;
  Invariants invariants_;
  Matcher matcher_;
  DatagramAssembler assembler_;
  FragmentOrder fragment_order_;
  const PacketView* overtaken_by_ = nullptr;
  Interruptions interruptions_;
  const Interrupted* interrupted_ = nullptr;
  UndecidedFlows undecided_;
  FlowMarks tainted_{size_t{1} << 16};  // by which divergence; what is forgotten is news again
  bool explain_ = false;
  size_t divergences_ = 0;

  // Of the packet between permit() and judge().
  Injection injection_;
  std::span<const Outcome> outcomes_;
  std::vector<Seen> seen_;    // datagrams whole
  std::vector<Seen> pieces_;  // of those that are not
  // Of a packet that came whole the pieces are all its own, though an earlier datagram that was
  // never whole may have had the same identification.
  DatagramAssembler cut_here_;
  std::vector<Bytes> assembled_;
  std::vector<DifferencePart> violations_;
  Judged judged_;
};

}  // namespace kubeproof
