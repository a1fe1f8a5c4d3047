// What surprises about kube-proxy's rules, and how often a run met it. Each quirk is recognised by
// the rules that a packet met in the reference and by what became of it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/packet_view.h"
#include "replay/fuzz/service_index.h"

namespace kubeproof::explore {

// Which endpoint a client was bound to, by client and Service, and then by port.
using Affinities = std::map<std::string, std::map<std::string, IpAddress>>;

// A line of a trace and the step whose rule it tells; see rule_steps.h.
struct TraceLine {
  std::string_view text;
  std::string_view step;
};

// One packet and all that is known of it.
struct QuirkScene {
  const World& world;
  const ServiceIndex& services;
  const Injection& injection;
  const PacketView& in;
  const Fate& fate;
  std::optional<PacketView> out;     // of the first emission
  std::span<const TraceLine> trace;  // of the outcome that the engine took
  Affinities& affinities;
};

struct Quirk {
  std::string_view id;  // "Q1"
  std::string_view title;
  bool (*met)(const QuirkScene&);
  // A corpus case in place of a predicate, where one packet cannot show it.
  std::string_view pinned_by = {};
};

std::span<const Quirk> quirks();

}  // namespace kubeproof::explore
