// Numbers as the tools take them: decimal, or hexadecimal with 0x, or octal with 0.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace kubeproof::netfilter {

std::optional<uint32_t> parse_number(std::string_view text);

// "VALUE" or "VALUE/MASK"; without a mask, all bits.
std::optional<std::pair<uint32_t, uint32_t>> parse_masked(std::string_view text);

// A port by number.
std::optional<uint16_t> parse_port(std::string_view text);

}  // namespace kubeproof::netfilter
