// What a case expects of the opening packet of a flow: of the whole set of outcomes that the
// reference permits, not only of the one that an engine picked.
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

// What does not meet the expectation, in one line; empty when it is met.
std::optional<std::string> check_expectation(const Expectation& expectation,
                                             std::span<const Outcome> outcomes);

}  // namespace kubeproof
