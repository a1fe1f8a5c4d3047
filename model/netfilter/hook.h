// The places in the IP stack where netfilter acts.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/netfilter/rules.h"

namespace kubeproof::netfilter {

enum class Hook : uint8_t { kPrerouting, kInput, kForward, kOutput, kPostrouting };
constexpr size_t kHookCount = 5;

// The built-in chain of a hook: "PREROUTING".
std::string_view to_string(Hook hook);

}  // namespace kubeproof::netfilter
