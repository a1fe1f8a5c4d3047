// What a case expects of the opening packet of a flow: of the whole set of outcomes that the
// reference permits, and of what an engine did with it, which is read off its packets alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/node/fate.h"

namespace kubeproof {

enum class ExpectedVerdict : uint8_t {
  kDnat,
  kAccept,  // passes or is delivered untranslated
  kDrop,
  kReject,
};

std::string_view to_string(ExpectedVerdict verdict);  // "dnat", "accept", "drop", "reject"

struct ExpectedEndpoint {
  SocketAddress address;
  std::optional<bool> masquerade;  // where it differs from the flow's
};

struct Expectation {
  ExpectedVerdict verdict = ExpectedVerdict::kAccept;
  std::optional<std::vector<ExpectedEndpoint>> endpoints;  // the whole permitted set
  std::optional<bool> masquerade;
};

// "dnat to 10.180.0.1:8080 or 10.180.1.7:8080, not masqueraded".
std::string describe(const Expectation& expectation);

// What does not meet the expectation, in one line; empty when it is met.
std::optional<std::string> check_expectation(const Expectation& expectation,
                                             std::span<const Outcome> outcomes);
std::optional<std::string> check_expectation(const Expectation& expectation, const World& world,
                                             const Injection& injection, const Fate& fate);

// Where an engine's fate led the packet: the destination of what it emitted. Empty for a drop or a
// rejection.
std::optional<SocketAddress> chosen_destination(const Injection& injection, const Fate& fate);

}  // namespace kubeproof
