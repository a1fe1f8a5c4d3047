// The ledger of deviations: differences that are known, understood, and pinned by a case of the
// corpus, as data with code. A difference that no predicate covers is a divergence.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/packet_view.h"
#include "replay/compare/difference.h"
#include "replay/compare/interruptions.h"
#include "replay/compare/match.h"

namespace kubeproof {

// What a predicate is asked about: a packet, what was seen of its fate, what was permitted, how the
// two differ, and what came before.
struct Disagreeing {
  const Injection& injection;
  std::span<const Seen> seen;
  std::span<const Outcome> outcomes;
  const Difference& difference;
  // Of a fragment: the one of its datagram that came before the first, and all others.
  const PacketView* overtaken_by = nullptr;
  // What left of a datagram that is not whole.
  std::span<const Seen> pieces{};
  // Of a later fragment: what came between its first and it.
  const Interrupted* interrupted = nullptr;
};

struct Deviation {
  std::string_view id;     // "fragments-before-the-first"
  std::string_view title;  // one line
  std::string_view why;
  // Cases of the corpus, from the project's root: one that comes by it, and one that is near it
  // where the engine has to agree.
  std::string_view pinned_by;
  std::string_view near_miss;
  bool (*covers)(const Disagreeing&) = nullptr;
  // What is covered is lost on the way: the reference goes on as if it had not come either.
  bool is_loss = false;
};

// Deviations that are accepted, and how many packets each one took.
class Ledger {
 public:
  // The ledger of kubeproof's own datapath.
  static Ledger built_in();

  explicit Ledger(std::vector<Deviation> entries);

  // The first entry that covers the difference, counted; nullptr where none does.
  const Deviation* take(const Disagreeing& disagreeing);

  struct Count {
    const Deviation* deviation;
    uint64_t packets;
  };
  std::vector<Count> counts() const;
  std::span<const Deviation> entries() const { return entries_; }

 private:
  std::vector<Deviation> entries_;
  std::vector<uint64_t> packets_;
};

}  // namespace kubeproof
