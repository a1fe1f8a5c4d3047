// Protocols by name, as /etc/protocols and the tools' own list have them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kubeproof::netfilter {

// A name or a number.
std::optional<uint8_t> parse_protocol(std::string_view text);

}  // namespace kubeproof::netfilter
