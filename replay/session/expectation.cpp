#include "replay/session/expectation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

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

}  // namespace

std::string_view to_string(ExpectedVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"dnat", "accept", "drop", "reject"};
  return kNames[static_cast<size_t>(verdict)];
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

}  // namespace kubeproof
