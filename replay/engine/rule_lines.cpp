#include "replay/engine/rule_lines.h"

#include <algorithm>
#include <sstream>

namespace kubeproof {

RuleLines::RuleLines(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string table;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('*')) table = line.substr(1);
    if (!line.starts_with("-A ")) continue;
    const size_t end = std::min(line.find(' ', 3), line.size());
    const std::string chain = line.substr(3, end - 3);
    const std::string rule = line.substr(std::min(end + 1, line.size()));
    read_recent(rule);
    rules_[{table, chain}].push_back(rule);
  }
}

std::string_view RuleLines::rule(std::string_view table, std::string_view chain,
                                 size_t number) const {
  const auto found = rules_.find({std::string(table), std::string(chain)});
  if (found == rules_.end() || number == 0 || number > found->second.size()) return {};
  return found->second[number - 1];
}

void RuleLines::read_recent(const std::string& rule) {
  if (rule.find("-m recent") == std::string::npos) return;
  std::istringstream words(rule);
  std::string list;
  uint32_t seconds = 0;
  for (std::string word; words >> word;) {
    if (word == "--name") words >> list;
    if (word == "--seconds") words >> seconds;
  }
  if (seconds != 0) recent_timeouts_[list] = std::max(recent_timeouts_[list], seconds);
}

}  // namespace kubeproof
