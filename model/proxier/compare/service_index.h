// Which service a chain belongs to: by the comments of its rules, or, where these are left out, by
// the chain that leads to it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "model/netfilter/rules.h"

namespace kubeproof::proxier {

class ServiceIndex {
 public:
  // Takes in a table's chains; those that are known already keep their service.
  void add(const netfilter::Table& table);

  // Empty where it is not known.
  std::string_view service_of(std::string_view chain) const;
  // Of a rule in a chain: what its comment says, or else the chain's, or else that of where it
  // jumps.
  std::string_view service_of(std::string_view chain, const netfilter::Rule& rule) const;

 private:
  std::unordered_map<std::string_view, std::string_view> services_;  // into the tables
};

}  // namespace kubeproof::proxier
