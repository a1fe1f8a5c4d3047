#include "replay/session/expectation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

ExpectedVerdict verdict_of(const Outcome& outcome) {
  if (outcome.rejected) return ExpectedVerdict::kReject;
  if (outcome.emissions.empty()) return ExpectedVerdict::kDrop;
  return outcome.endpoint ? ExpectedVerdict::kDnat : ExpectedVerdict::kAccept;
}

std::string endpoint_text(const SocketAddress& address, bool masquerade) {
  return address.to_string() + (masquerade ? " masqueraded" : "");
}

using EndpointSet = std::map<SocketAddress, bool>;  // → whether it is masqueraded

std::string list(const EndpointSet& endpoints) {
  std::vector<std::string> texts;
  for (const auto& [address, masquerade] : endpoints) {
    texts.push_back(endpoint_text(address, masquerade));
  }
  return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

std::optional<std::string> check_endpoints(const Expectation& expectation,
                                           std::span<const Outcome> outcomes) {
  EndpointSet permitted;
  for (const Outcome& outcome : outcomes) {
    if (outcome.endpoint) permitted[*outcome.endpoint] = outcome.masquerade;
  }
  if (expectation.endpoints) {
    EndpointSet expected;
    for (const ExpectedEndpoint& endpoint : *expectation.endpoints) {
      const auto found = permitted.find(endpoint.address);
      // Where nothing is said of masquerade, either will do.
      const bool otherwise = found != permitted.end() && found->second;
      expected[endpoint.address] =
          endpoint.masquerade.value_or(expectation.masquerade.value_or(otherwise));
    }
    if (expected == permitted) return std::nullopt;
    return fmt::format("endpoints permitted: {}; expected: {}", list(permitted), list(expected));
  }
  if (!expectation.masquerade) return std::nullopt;
  for (const auto& [address, masquerade] : permitted) {
    if (masquerade == *expectation.masquerade) continue;
    return fmt::format("{} is {}masqueraded, expected the contrary", address.to_string(),
                       masquerade ? "" : "not ");
  }
  return std::nullopt;
}

// The emission that carries the packet on: one that is no error of the node's about it.
struct Carried {
  PacketView in;
  PacketView out;
};

std::optional<Carried> carried_packet(const Injection& injection, const Fate& fate) {
  const auto in = parse_packet(injection.packet);
  if (!in) return std::nullopt;
  for (const Emission& emission : fate) {
    const auto out = parse_packet(emission.packet);
    if (out && out->protocol == in->protocol) return Carried{*in, *out};
  }
  return std::nullopt;
}

bool is_expected_endpoint(const Expectation& expectation, const SocketAddress& address) {
  return expectation.endpoints &&
         std::any_of(expectation.endpoints->begin(), expectation.endpoints->end(),
                     [&](const ExpectedEndpoint& endpoint) { return endpoint.address == address; });
}

ExpectedVerdict verdict_of(const Expectation& expectation, const Fate& fate,
                           const std::optional<Carried>& carried) {
  if (fate.dropped()) return ExpectedVerdict::kDrop;
  if (!carried) return ExpectedVerdict::kReject;
  const SocketAddress destination = carried->out.destination_endpoint();
  // A service may stand before the address that it has itself.
  const bool translated = destination != carried->in.destination_endpoint() ||
                          is_expected_endpoint(expectation, destination);
  return translated ? ExpectedVerdict::kDnat : ExpectedVerdict::kAccept;
}

std::optional<bool> expected_masquerade(const Expectation& expectation,
                                        const SocketAddress& chosen) {
  if (expectation.endpoints) {
    for (const ExpectedEndpoint& endpoint : *expectation.endpoints) {
      if (endpoint.address == chosen && endpoint.masquerade) return endpoint.masquerade;
    }
  }
  return expectation.masquerade;
}

// Masquerade of what comes from the node itself may choose the address that the packet has.
std::optional<std::string> check_masquerade(bool expected, const World& world,
                                            const Carried& carried) {
  const bool changed = carried.out.source != carried.in.source;
  if (changed == expected || (expected && world.is_local(carried.in.source))) return std::nullopt;
  return fmt::format("sent on from {}, expected {}", carried.out.source.to_string(),
                     expected ? "an address of the node" : carried.in.source.to_string());
}

std::string masquerade_text(bool masquerade) {
  return masquerade ? "masqueraded" : "not masqueraded";
}

}  // namespace

std::string_view to_string(ExpectedVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"dnat", "accept", "drop", "reject"};
  return kNames[static_cast<size_t>(verdict)];
}

std::string describe(const Expectation& expectation) {
  std::string text(to_string(expectation.verdict));
  if (expectation.endpoints) {
    std::vector<std::string> endpoints;
    for (const ExpectedEndpoint& endpoint : *expectation.endpoints) {
      std::string one = endpoint.address.to_string();
      if (endpoint.masquerade) one += fmt::format(" ({})", masquerade_text(*endpoint.masquerade));
      endpoints.push_back(std::move(one));
    }
    text += fmt::format(
        " to {}", endpoints.empty() ? "nothing" : fmt::format("{}", fmt::join(endpoints, " or ")));
  }
  if (expectation.masquerade) text += ", " + masquerade_text(*expectation.masquerade);
  return text;
}

std::optional<std::string> check_expectation(const Expectation& expectation,
                                             std::span<const Outcome> outcomes) {
  for (const Outcome& outcome : outcomes) {
    const ExpectedVerdict verdict = verdict_of(outcome);
    if (verdict == expectation.verdict) continue;
    return fmt::format("verdict {}{}, expected {}", to_string(verdict),
                       outcome.endpoint ? " to " + outcome.endpoint->to_string() : "",
                       to_string(expectation.verdict));
  }
  if (outcomes.empty()) return "no outcome is permitted";
  if (expectation.verdict == ExpectedVerdict::kDnat) return check_endpoints(expectation, outcomes);
  if (!expectation.masquerade) return std::nullopt;
  for (const Outcome& outcome : outcomes) {
    if (outcome.masquerade == *expectation.masquerade) continue;
    return fmt::format("{}masqueraded, expected the contrary", outcome.masquerade ? "" : "not ");
  }
  return std::nullopt;
}

std::optional<std::string> check_expectation(const Expectation& expectation, const World& world,
                                             const Injection& injection, const Fate& fate) {
  const auto carried = carried_packet(injection, fate);
  const ExpectedVerdict verdict = verdict_of(expectation, fate, carried);
  if (verdict != expectation.verdict) {
    return fmt::format("verdict {}, expected {}", to_string(verdict),
                       to_string(expectation.verdict));
  }
  if (!carried) return std::nullopt;
  const SocketAddress chosen = carried->out.destination_endpoint();
  if (expectation.endpoints && !is_expected_endpoint(expectation, chosen)) {
    return fmt::format("sent on to {}, which is none of the expected endpoints",
                       chosen.to_string());
  }
  const auto masquerade = expected_masquerade(expectation, chosen);
  return masquerade ? check_masquerade(*masquerade, world, *carried) : std::nullopt;
}

std::optional<SocketAddress> chosen_destination(const Injection& injection, const Fate& fate) {
  const auto carried = carried_packet(injection, fate);
  if (!carried) return std::nullopt;
  return carried->out.destination_endpoint();
}

}  // namespace kubeproof
