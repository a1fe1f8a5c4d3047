#include "model/cluster/yaml_scalar_json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace kubeproof {
namespace {

using nlohmann::json;

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

// Digits of a base with nothing behind them.
template <class Number>
std::optional<Number> parse_digits(std::string_view digits, int base) {
  Number number{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return number;
}

// Decimal, 0x, 0o, 0b, or octal with a leading zero, as Go's strconv takes them for base 0.
std::optional<json> whole_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.starts_with('-')) return std::nullopt;
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(is_one_of({&letter, 1}, {"x", "b", "o"}) ? 2 : 1);
  }
  if (const auto number = parse_digits<int64_t>(text, base); number && *number >= 0) {
    return negative ? -*number : *number;
  }
  const auto number = parse_digits<uint64_t>(text, base);
  if (number && !negative) return *number;
  return std::nullopt;
}

std::optional<json> real_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  // from_chars also takes "inf" and "nan", which are words here.
  if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos ||
      text.find_first_of("0123456789") == std::string_view::npos) {
    return std::nullopt;
  }
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

json plain_yaml_scalar(const std::string& text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (is_one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})) {
    return true;
  }
  if (is_one_of(text,
                {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"})) {
    return false;
  }
  std::string digits = text;
  std::erase(digits, '_');
  if (const auto number = whole_number(digits)) return *number;
  if (const auto number = real_number(digits)) return *number;
  return text;
}

}  // namespace kubeproof
