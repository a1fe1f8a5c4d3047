#include "replay/report/printable.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

namespace kubeproof {
namespace {

// "ESC [ number m": how long it is. 0: `text` begins with something else.
size_t color_length(std::string_view text) {
  if (!text.starts_with("\x1b[")) return 0;
  const size_t end = text.find_first_not_of("0123456789", 2);
  return end != std::string_view::npos && end > 2 && text[end] == 'm' ? end + 1 : 0;
}

// U+0080 to U+009F, which some terminals take for escapes, too.
bool is_second_control(std::string_view text) {
  return text.size() >= 2 && text[0] == '\xc2' && static_cast<uint8_t>(text[1]) < 0xa0;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    const auto byte = static_cast<uint8_t>(rest.front());
    if (const size_t color = color_length(rest); color != 0) {
      result += rest.substr(0, color);
      at += color;
    } else if (is_second_control(rest)) {
      result += fmt::format("\\x{:02x}\\x{:02x}", byte, static_cast<uint8_t>(rest[1]));
      at += 2;
    } else {
      const bool controls = (byte < 0x20 && byte != '\n') || byte == 0x7f;
      result += controls ? fmt::format("\\x{:02x}", byte) : std::string(1, rest.front());
      ++at;
    }
  }
  return result;
}

}  // namespace kubeproof
