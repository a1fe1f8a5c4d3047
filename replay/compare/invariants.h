// What must hold for every fate of every engine, without asking a reference: a checksum that was
// right on the way in is right on the way out, a forwarded packet's TTL fell by one, no emission
// has a source that the kernel calls martian, nothing is emitted twice.
#pragma once

#include <set>
#include <vector>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "replay/compare/difference.h"

namespace kubeproof {

class Invariants {
 public:
  // `world` outlives them.
  explicit Invariants(const World& world) : world_(world) {}

  // Appends what does not hold; appends nothing, and allocates nothing, when all is well. Fates
  // come in their order.
  void check(const Injection& injection, const Fate& fate, std::vector<DifferencePart>& violations);

 private:
  const World& world_;
  // Addresses that no machine answers from, to which somebody has sent all the same.
  std::set<IpAddress> contacted_;
};

}  // namespace kubeproof
