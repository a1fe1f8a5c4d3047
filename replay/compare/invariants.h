// What must hold for every fate of every engine, without asking a reference: a checksum that was
// right on the way in is right on the way out, a forwarded packet's TTL fell by one, no emission
// has a source that the kernel calls martian, nothing is emitted twice.
#pragma once

#include <vector>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "replay/compare/difference.h"

namespace kubeproof {

// Appends what does not hold; appends nothing, and allocates nothing, when all is well.
void check_invariants(const World& world, const Injection& injection, const Fate& fate,
                      std::vector<DifferencePart>& violations);

}  // namespace kubeproof
