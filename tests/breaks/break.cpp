#include "tests/breaks/break.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace kubeproof::breaks {
namespace {

ExpectedDifference parse_difference(const std::string& value) {
  const size_t comma = value.find(", ");
  if (comma == std::string::npos) return {value, ""};
  return {value.substr(0, comma), value.substr(comma + 2)};
}

BreakTest parse_test(const std::string& value) {
  const size_t space = value.find(' ');
  if (space == std::string::npos) throw std::runtime_error("Test: expected PROGRAM FILTER");
  return {value.substr(0, space), value.substr(space + 1)};
}

Break read_break(const std::filesystem::path& patch) {
  Break result;
  result.name = patch.stem();
  result.patch = patch;
  std::ifstream file(patch);
  for (std::string line; std::getline(file, line) && !line.empty();) {
    const size_t colon = line.find(": ");
    const std::string key = line.substr(0, colon);
    const std::string value = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (key == "Breaks") {
      result.what = value;
    } else if (key == "Caught by") {
      result.caught_by = value;
    } else if (key == "Engine") {
      result.engine = value;
    } else if (key == "Input") {
      result.inputs.push_back(value);
    } else if (key == "Differs") {
      result.differences.push_back(parse_difference(value));
    } else if (key == "Test") {
      result.tests.push_back(parse_test(value));
    } else {
      throw std::runtime_error(
          fmt::format("{}: '{}': expected Breaks, Caught by, Engine, Input, Differs or Test",
                      patch.string(), line));
    }
  }
  const bool by_report = !result.inputs.empty() && !result.differences.empty();
  if (result.what.empty() || result.caught_by.empty() || by_report == !result.tests.empty()) {
    throw std::runtime_error(
        fmt::format("{}: expected before the diff lines Breaks, Caught by, and either Input and "
                    "Differs or Test",
                    patch.string()));
  }
  return result;
}

}  // namespace

std::vector<Break> read_breaks(const std::filesystem::path& folder) {
  std::vector<Break> breaks;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".patch") breaks.push_back(read_break(entry.path()));
  }
  std::sort(breaks.begin(), breaks.end(),
            [](const Break& a, const Break& b) { return a.name < b.name; });
  return breaks;
}

}  // namespace kubeproof::breaks
