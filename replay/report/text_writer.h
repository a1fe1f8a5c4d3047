// Text for people as it grows, line by line, with colour where the terminal takes it.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubeproof {

enum class Ink : uint8_t { kBold, kGreen, kRed, kYellow, kDim };

class TextWriter {
 public:
  explicit TextWriter(bool color) : color_(color) {}

  std::string ink(Ink ink, std::string_view text) const;

  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  void add(std::string_view text) { text_ += text; }
  void heading(std::string_view text) { text_ += "\n" + ink(Ink::kBold, text) + "\n"; }

  // Lines beside one label, which stands before the first of them.
  void list(size_t indent, std::string_view label, const std::vector<std::string>& lines);

  std::string take() { return std::move(text_); }

 private:
  bool color_;
  std::string text_;
};

}  // namespace kubeproof
