#include "replay/session/tally.h"

#include <algorithm>
#include <utility>

#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

// Of a run that diverges on every packet, these are enough.
constexpr size_t kDivergencesKept = 1000;

}  // namespace

Tally::Tally(std::string name, const World& world, const TrafficClassifier& classifier,
             FateClass silence)
    : world_(world), classifier_(classifier), silence_(silence) {
  report_.name = std::move(name);
}

void Tally::count(const Injection& injection, const Fate& fate, const Judged& judged,
                  const PacketSource& source) {
  ++report_.packets;
  ++report_.fates[static_cast<size_t>(fate.dropped() ? silence_ : classify_fate(injection, fate))];
  ++report_.cells[classifier_.classify(injection, fate)];
  switch (judged.judgement) {
    case Judgement::kAgrees:
      ++report_.agree;
      return;
    case Judgement::kDeviates:
      ++report_.deviate;
      return;
    case Judgement::kUndecided:
      ++report_.undecided;
      return;
    case Judgement::kConsequence:
      ++report_.consequences;
      add_consequence(judged.divergence);
      return;
    case Judgement::kDiverges:
      break;
  }
  ++report_.diverge;
  if (report_.divergences.size() >= kDivergencesKept) return;
  DivergenceReport divergence = describe(injection, fate, source);
  divergence.number = judged.divergence;
  divergence.disagreement = judged.disagreement;
  // A reply that is wrong does not tell whose it is; the one that is right does.
  divergence.cell = classifier_.classify(injection, judged.disagreement.nearest);
  divergence.is_reply = divergence.cell.service != ServiceKind::kNone &&
                        classifier_.classify(injection, Fate()).service == ServiceKind::kNone;
  report_.divergences.push_back(std::move(divergence));
}

void Tally::count_not_shown() {
  ++report_.packets;
  ++report_.not_shown;
}

void Tally::add_divergence(const Injection& injection, const Fate& fate, const PacketSource& source,
                           size_t number, DifferencePart part) {
  --report_.agree;
  ++report_.diverge;
  if (report_.divergences.size() >= kDivergencesKept) return;
  DivergenceReport divergence = describe(injection, fate, source);
  divergence.number = number;
  divergence.disagreement.difference.parts.push_back(std::move(part));
  report_.divergences.push_back(std::move(divergence));
}

void Tally::skipped(const std::string& reason) {
  report_.status = ColumnStatus::kSkipped;
  report_.reason = reason;
}

void Tally::broke_down(const std::string& reason) {
  report_.status = ColumnStatus::kFailed;
  report_.reason = reason;
}

void Tally::set_deviations(const Ledger& ledger) {
  report_.deviations.clear();
  for (const Ledger::Count& count : ledger.counts()) {
    report_.deviations.push_back(
        {std::string(count.deviation->id), std::string(count.deviation->title), count.packets});
  }
}

DivergenceReport Tally::describe(const Injection& injection, const Fate& fate,
                                 const PacketSource& source) const {
  DivergenceReport divergence;
  divergence.source = source.to_string();
  divergence.step = source.step;
  divergence.place = {source.file, source.frame};
  divergence.ingress = world_.describe(injection.ingress);
  divergence.packet = describe_packet(injection.packet);
  divergence.cell = classifier_.classify(injection, fate);
  divergence.decisions = fate.trace;
  return divergence;
}

void Tally::add_consequence(size_t divergence) {
  const auto found =
      std::find_if(report_.divergences.begin(), report_.divergences.end(),
                   [&](const DivergenceReport& known) { return known.number == divergence; });
  if (found != report_.divergences.end()) ++found->consequences;
}

}  // namespace kubeproof
