#include "replay/report/text_writer.h"

#include <array>

namespace kubeproof {

std::string TextWriter::ink(Ink ink, std::string_view text) const {
  if (!color_) return std::string(text);
  constexpr std::array<std::string_view, 5> kCodes = {"1", "32", "31", "33", "2"};
  return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<size_t>(ink)], text);
}

void TextWriter::list(size_t indent, std::string_view label,
                      const std::vector<std::string>& lines) {
  for (size_t i = 0; i < lines.size(); ++i) {
    line("{:{}}{} {}", "", indent, ink(Ink::kDim, fmt::format("{:<10}", i == 0 ? label : "")),
         lines[i]);
  }
}

}  // namespace kubeproof
