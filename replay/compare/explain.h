// The difference between a fate and the nearest outcome that the reference permits. Slow, and only
// for fates that no outcome agrees with.
#pragma once

#include <span>
#include <string>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "replay/compare/difference.h"
#include "replay/compare/match.h"

namespace kubeproof {

// What stands in the way of `seen` being one of the outcomes.
Difference explain_difference(const World& world, std::span<const Seen> seen,
                              std::span<const Outcome> outcomes,
                              Visibility visibility = Visibility::kEverything);

// "dropped", "out of eth0: 10.0.0.9:4000 > …", "rejected: ICMP …".
std::string describe_seen(const World& world, std::span<const Seen> seen);
std::string describe_outcome(const World& world, const Outcome& outcome);

// "eth0", "the node's sockets".
std::string describe_place(const World& world, Place place);

}  // namespace kubeproof
