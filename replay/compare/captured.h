// The reference held to the capture itself: a follower of what the captured node did. Every packet
// that was seen leaving, or on loopback on its way to the node's own sockets, must be a permitted
// outcome, and of a packet that was not seen leaving, though the capture would have shown it, a
// drop or a local delivery must be permitted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "model/node/world.h"
#include "model/result.h"
#include "replay/capture/captured_packet.h"
#include "replay/compare/anchor.h"
#include "replay/compare/flow_marks.h"
#include "replay/compare/follower.h"

namespace kubeproof {

class CapturedCheck {
 public:
  // `world` outlives the check.
  CapturedCheck(std::unique_ptr<Oracle> oracle, const World& world);

  Result<void> program(const Configuration& configuration) {
    return follower_.program(configuration);
  }
  void advance(std::chrono::nanoseconds duration) { follower_.advance(duration); }

  // Nullptr where the capture does not show what became of the packet, or of an earlier one of its
  // flow. Valid until the next call.
  const Judged* check(const CapturedPacket& captured);

  const Follower& follower() const { return follower_; }

 private:
  Follower follower_;
  Anchor anchor_;
  std::vector<Seen> departures_;
  FlowMarks unseen_flows_{size_t{1} << 20};
};

}  // namespace kubeproof
