// Columns that line up: numbers to the right unless told otherwise, everything else to the left.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubeproof {

class TextTable {
 public:
  enum class Numbers : uint8_t { kRight, kLeft };
  explicit TextTable(Numbers numbers = Numbers::kRight) : numbers_(numbers) {}

  void add_row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Each line indented by `indent` and ended by a newline.
  std::string render(size_t indent) const;

 private:
  bool is_right_aligned(size_t column) const;

  Numbers numbers_;
  std::vector<std::vector<std::string>> rows_;
};

// "3,214".
std::string with_separators(uint64_t number);

// "1 packet", "3,214 packets".
std::string counted(uint64_t number, std::string_view singular, std::string_view plural);

}  // namespace kubeproof
