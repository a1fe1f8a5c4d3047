// Flows of which nobody knows what became: their packets met a rule that the reference does not
// understand. What follows in such a flow is not judged, nor what may have to give way to it.
#pragma once

#include <cstddef>
#include <span>

#include "model/node/fate.h"
#include "model/packet/bytes.h"
#include "replay/compare/flow_marks.h"
#include "replay/compare/match.h"

namespace kubeproof {

class UndecidedFlows {
 public:
  // The packet is in such a flow, or of an end that began one: where translation was not decided,
  // nobody knows what its flow is to the others.
  bool concern(ByteView packet) const;

  // By one of these outcomes the packet would get addresses that such a flow has, and would have to
  // give way with its port.
  bool may_clash(std::span<const Outcome> outcomes) const;

  // The packet's flow, those of what came of it, and all of the end that began it go on unknown.
  void add(ByteView packet, std::span<const Seen> seen);

 private:
  static constexpr size_t kMost = size_t{1} << 16;
  FlowMarks flows_{kMost};
  FlowMarks ends_{kMost};
};

}  // namespace kubeproof
