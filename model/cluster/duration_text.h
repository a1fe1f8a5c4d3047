// Durations as Kubernetes writes them (Go's time.ParseDuration): "10s", "24h0m0s", "1.5h", "100ms".
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace kubeproof {

// "0" needs no unit. Empty for anything else that is no duration, and beyond 292 years.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

}  // namespace kubeproof
