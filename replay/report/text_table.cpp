#include "replay/report/text_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace kubeproof {

bool TextTable::is_right_aligned(size_t column) const {
  if (numbers_ == Numbers::kLeft) return false;
  const auto is_number = [](char c) { return (c >= '0' && c <= '9') || c == ',' || c == '-'; };
  return std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) {
    return column < row.size() && !row[column].empty() &&
           std::all_of(row[column].begin(), row[column].end(), is_number);
  });
}

std::string TextTable::render(size_t indent) const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      if (i != 0) line += "  ";
      line += is_right_aligned(i) ? fmt::format("{:>{}}", row[i], widths[i])
                                  : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string with_separators(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string counted(uint64_t number, std::string_view singular, std::string_view plural) {
  return fmt::format("{} {}", with_separators(number), number == 1 ? singular : plural);
}

}  // namespace kubeproof
