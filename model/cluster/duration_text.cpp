#include "model/cluster/duration_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <utility>

namespace kubeproof {
namespace {

using std::chrono::nanoseconds;

constexpr double kMostNanoseconds = 9.2e18;  // what a signed 64-bit number holds

// Two-letter units before the letters that they begin with.
constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
    {{"ns", 1}, {"us", 1e3}, {"µs", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};

}  // namespace

std::optional<nanoseconds> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || text[0] == '-' || !std::isfinite(number)) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    double unit = 0;
    for (const auto& [name, length] : kUnits) {
      if (!text.starts_with(name)) continue;
      unit = length;
      text.remove_prefix(name.size());
      break;
    }
    if (unit == 0) return std::nullopt;
    total += number * unit;
  }
  if (total > kMostNanoseconds) return std::nullopt;
  const auto rounded = static_cast<int64_t>(std::llround(total));
  return nanoseconds(negative ? -rounded : rounded);
}

}  // namespace kubeproof
