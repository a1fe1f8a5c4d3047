#include "replay/compare/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "model/packet/packet_view.h"
#include "replay/compare/compare_packets.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

bool reports_error(ByteView packet) {
  const auto view = parse_packet(packet);
  return view && is_icmp_error(*view);
}

std::vector<const PermittedEmission*> visible_emissions(const Outcome& outcome,
                                                        Visibility visibility) {
  std::vector<const PermittedEmission*> emissions;
  for (const PermittedEmission& emission : outcome.emissions) {
    if (visibility == Visibility::kEverything || !emission.place.is_sockets()) {
      emissions.push_back(&emission);
    }
  }
  return emissions;
}

// How far two emissions are apart, weighted so that what identifies a flow counts most. Where it
// goes to tells which endpoint was chosen, so it outweighs the place.
size_t distance(const Seen& seen, const PermittedEmission& permitted) {
  size_t cost = seen.place && *seen.place != permitted.place ? 64 : 0;
  const auto a = parse_packet(seen.packet);
  const auto b = parse_packet(permitted.packet);
  if (!a || !b) return cost + 512;
  if (a->family != b->family || a->protocol != b->protocol) cost += 256;
  if (is_icmp_error(*a) != is_icmp_error(*b)) cost += 512;
  if (a->source != b->source) cost += 16;
  if (a->destination != b->destination) cost += 96;
  if (a->destination_port != b->destination_port) cost += 8;
  if (a->source_port != b->source_port && !permitted.free_port) cost += 8;
  if (a->ttl != b->ttl) cost += 4;
  if (a->total_length != b->total_length) cost += 4;
  const size_t common = std::min(seen.packet.size(), permitted.packet.size());
  if (!std::equal(seen.packet.begin(), seen.packet.begin() + static_cast<ptrdiff_t>(common),
                  permitted.packet.begin())) {
    cost += 1;
  }
  return cost;
}

struct Pair {
  const Seen* seen;
  const PermittedEmission* permitted;
};

// Emissions seen and permitted, the nearest put together, and what was left over on either side.
struct Pairing {
  std::vector<Pair> pairs;
  std::vector<const Seen*> unexpected;
  std::vector<const PermittedEmission*> missing;
  size_t cost = 0;
};

Pairing pair_up(std::span<const Seen> seen, const Outcome& outcome, Visibility visibility) {
  constexpr size_t kUnpaired = 1024;
  Pairing pairing;
  pairing.missing = visible_emissions(outcome, visibility);
  for (const Seen& one : seen) {
    auto best = pairing.missing.end();
    size_t best_cost = std::numeric_limits<size_t>::max();
    for (auto it = pairing.missing.begin(); it != pairing.missing.end(); ++it) {
      // An ICMP error is never a wrong form of a forwarded packet: another verdict was taken.
      if (reports_error(one.packet) != reports_error((*it)->packet)) continue;
      const size_t cost = distance(one, **it);
      if (cost < best_cost) {
        best = it;
        best_cost = cost;
      }
    }
    if (best == pairing.missing.end()) {
      pairing.unexpected.push_back(&one);
      continue;
    }
    pairing.pairs.push_back({&one, *best});
    pairing.cost += best_cost;
    pairing.missing.erase(best);
  }
  pairing.cost += kUnpaired * (pairing.unexpected.size() + pairing.missing.size());
  return pairing;
}

std::string describe_emission(const World& world, ByteView packet, std::optional<Place> place) {
  const std::string_view what = reports_error(packet) ? "an ICMP error " : "";
  const std::string text = describe_packet(packet);
  if (!place) return fmt::format("{}sent: {}", what, text);
  if (place->is_sockets()) return fmt::format("{}delivered to the node's sockets: {}", what, text);
  return fmt::format("{}out of {}: {}", what, describe_place(world, *place), text);
}

// "10.180.0.1:8080, 10.180.1.7:8080 or 3 others", where the reference had a choice of endpoints.
std::string list_endpoints(std::span<const Outcome> outcomes) {
  constexpr size_t kShown = 4;
  std::vector<SocketAddress> endpoints;
  for (const Outcome& outcome : outcomes) {
    if (outcome.endpoint) endpoints.push_back(*outcome.endpoint);
  }
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
  if (endpoints.size() < 2) return {};
  std::string text;
  for (size_t i = 0; i < std::min(kShown, endpoints.size()); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", endpoints[i].to_string());
  }
  if (endpoints.size() > kShown) {
    text += fmt::format(" and {} others", endpoints.size() - kShown);
  }
  return text;
}

void explain_pair(const World& world, const Pair& pair, std::span<const Outcome> outcomes,
                  Difference& difference) {
  const auto& [seen, permitted] = pair;
  if (seen->place && *seen->place != permitted->place) {
    difference.add(Kind::kPlace,
                   fmt::format("went to {}, permitted {}", describe_place(world, *seen->place),
                               describe_place(world, permitted->place)));
  }
  if (permitted->free_port) {
    const FreePort& free = *permitted->free_port;
    if (free.packet_offset + size_t{2} <= seen->packet.size()) {
      const uint16_t port = load16(seen->packet, free.packet_offset);
      if (port < free.first || port > free.last) {
        difference.add(Kind::kSourcePortRange,
                       fmt::format("source port {} ({:#06x}), netfilter picks one of {} to {}",
                                   port, port, free.first, free.last));
      }
    }
  }
  Bytes expected;
  fill_masked(*permitted, seen->packet, expected);
  for (DifferencePart& part : compare_packets(seen->packet, expected).parts) {
    if (part.kind == Kind::kDestinationAddress) {
      const std::string endpoints = list_endpoints(outcomes);
      if (!endpoints.empty()) part.text += fmt::format(" (endpoints permitted: {})", endpoints);
    }
    difference.add(part.kind, std::move(part.text));
  }
}

std::string permitted_text(const World& world, const Outcome& nearest,
                           std::span<const Outcome> outcomes) {
  if (outcomes.size() == 1) {
    return fmt::format("the reference permits only: {}", describe_outcome(world, nearest));
  }
  return fmt::format("the reference permits {} outcomes, the nearest: {}", outcomes.size(),
                     describe_outcome(world, nearest));
}

}  // namespace

std::string describe_place(const World& world, Place place) {
  if (place.is_sockets()) return "the node's sockets";
  const Interface* interface = world.find_interface(place.interface);
  return interface != nullptr ? interface->name : fmt::format("interface {}", place.interface);
}

std::string describe_seen(const World& world, std::span<const Seen> seen) {
  if (seen.empty()) return "dropped";
  std::string text;
  for (const Seen& one : seen) {
    if (!text.empty()) text += "; and ";
    text += describe_emission(world, one.packet, one.place);
  }
  return text;
}

std::string describe_outcome(const World& world, const Outcome& outcome) {
  if (outcome.undecided) return "unknown: the last line below decides, and is not understood";
  std::string text;
  for (const PermittedEmission& emission : outcome.emissions) {
    if (!text.empty()) text += "; and ";
    std::string one = describe_emission(world, emission.packet, emission.place);
    if (emission.free_port) {
      constexpr std::string_view kUnset = ":0 > ";
      if (const size_t at = one.find(kUnset); at != std::string::npos) {
        one.replace(at, kUnset.size(), ":* > ");
      }
    }
    text += one;
    if (emission.free_port) {
      text += fmt::format(" (its source port to be chosen from {} to {})",
                          emission.free_port->first, emission.free_port->last);
    }
  }
  if (text.empty()) return "a silent drop";
  return outcome.rejected ? "REJECT, " + text : text;
}

Difference explain_difference(const World& world, std::span<const Seen> seen,
                              std::span<const Outcome> outcomes, Visibility visibility) {
  Difference difference;
  if (outcomes.empty()) {
    difference.add(Kind::kVerdict, describe_seen(world, seen) + "; the reference permits nothing");
    return difference;
  }
  Pairing nearest;
  nearest.cost = std::numeric_limits<size_t>::max();
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Pairing pairing = pair_up(seen, outcomes[i], visibility);
    if (pairing.cost >= nearest.cost) continue;
    nearest = std::move(pairing);
    difference.nearest_outcome = i;
  }
  const Outcome& outcome = outcomes[difference.nearest_outcome];
  const bool another_verdict =
      nearest.pairs.empty() && (!nearest.unexpected.empty() || !nearest.missing.empty());
  if (another_verdict) {
    difference.add(Kind::kVerdict, fmt::format("{}; {}", describe_seen(world, seen),
                                               permitted_text(world, outcome, outcomes)));
    return difference;
  }
  for (const Seen* one : nearest.unexpected) {
    difference.add(
        Kind::kUnexpectedEmission,
        fmt::format("unexpected emission: {}", describe_emission(world, one->packet, one->place)));
  }
  for (const PermittedEmission* emission : nearest.missing) {
    difference.add(Kind::kMissingEmission,
                   fmt::format("missing emission: {}",
                               describe_emission(world, emission->packet, emission->place)));
  }
  for (const Pair& pair : nearest.pairs) explain_pair(world, pair, outcomes, difference);
  difference.sort();
  return difference;
}

}  // namespace kubeproof
