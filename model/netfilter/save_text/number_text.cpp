#include "model/netfilter/save_text/number_text.h"

#include <charconv>

namespace kubeproof::netfilter {

std::optional<uint32_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  uint32_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::pair<uint32_t, uint32_t>> parse_masked(std::string_view text) {
  const size_t slash = text.find('/');
  const auto value = parse_number(text.substr(0, slash));
  if (!value) return std::nullopt;
  if (slash == std::string_view::npos) return std::pair{*value, ~uint32_t{0}};
  const auto mask = parse_number(text.substr(slash + 1));
  if (!mask) return std::nullopt;
  return std::pair{*value, *mask};
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

}  // namespace kubeproof::netfilter
