// Counts what a column saw, and keeps what a report tells of its first divergences.
#pragma once

#include <cstddef>
#include <string>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "replay/compare/follower.h"
#include "replay/report/report.h"
#include "replay/session/packet_source.h"
#include "replay/session/traffic_classifier.h"

namespace kubeproof {

class Tally {
 public:
  // `world` and `classifier` outlive the tally. `silence` is what a fate without emissions counts
  // as.
  Tally(std::string name, const World& world, const TrafficClassifier& classifier,
        FateClass silence = FateClass::kDropped);

  void count(const Injection& injection, const Fate& fate, const Judged& judged,
             const PacketSource& source);
  void count_not_shown();
  // Makes a divergence of a packet that was counted as agreeing.
  void add_divergence(const Injection& injection, const Fate& fate, const PacketSource& source,
                      size_t number, DifferencePart part);
  void skipped(const std::string& reason);
  void broke_down(const std::string& reason);
  void set_re_anchored(uint64_t packets) { report_.re_anchored = packets; }
  void set_deviations(const Ledger& ledger);

  const ColumnReport& report() const { return report_; }

 private:
  DivergenceReport describe(const Injection& injection, const Fate& fate,
                            const PacketSource& source) const;
  void add_consequence(size_t divergence);

  const World& world_;
  const TrafficClassifier& classifier_;
  FateClass silence_;
  ColumnReport report_;
};

}  // namespace kubeproof
