// Rules in the text form of iptables-save, line by line, and what little the engine itself needs to
// know of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubeproof {

class RuleLines {
 public:
  RuleLines() = default;
  explicit RuleLines(std::string_view text);

  // The rule's words without "-A CHAIN"; `number` counts from 1 as in iptables -L. Empty where
  // there is none.
  std::string_view rule(std::string_view table, std::string_view chain, size_t number) const;

  // By the name of its list, how long a `recent` match looks back.
  const std::map<std::string, uint32_t>& recent_timeouts() const { return recent_timeouts_; }

 private:
  void read_recent(const std::string& rule);

  std::map<std::pair<std::string, std::string>, std::vector<std::string>> rules_;
  std::map<std::string, uint32_t> recent_timeouts_;
};

}  // namespace kubeproof
