#include "model/netfilter/rules.h"

#include <algorithm>

namespace kubeproof::netfilter {

// net/ipv4/netfilter/iptable_*.c
std::initializer_list<const char*> builtin_chains(TableName name) {
  static constexpr auto kRaw = {"PREROUTING", "OUTPUT"};
  static constexpr auto kMangle = {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
  static constexpr auto kNat = {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"};
  static constexpr auto kFilter = {"INPUT", "FORWARD", "OUTPUT"};
  switch (name) {
    case TableName::kRaw:
      return kRaw;
    case TableName::kMangle:
      return kMangle;
    case TableName::kNat:
      return kNat;
    case TableName::kFilter:
    case TableName::kSecurity:
      break;
  }
  return kFilter;
}

std::string_view to_string(TableName name) {
  switch (name) {
    case TableName::kRaw:
      return "raw";
    case TableName::kMangle:
      return "mangle";
    case TableName::kNat:
      return "nat";
    case TableName::kSecurity:
      return "security";
    case TableName::kFilter:
      break;
  }
  return "filter";
}

const Chain* Table::find(std::string_view chain) const {
  const auto found = std::find_if(chains.begin(), chains.end(),
                                  [&](const Chain& each) { return each.name == chain; });
  return found == chains.end() ? nullptr : &*found;
}

Chain* Table::find(std::string_view chain) {
  return const_cast<Chain*>(std::as_const(*this).find(chain));
}

Chain& Table::chain(const std::string& name) {
  if (Chain* known = find(name)) return *known;
  Chain& added = chains.emplace_back();
  added.name = name;
  return added;
}

Table Table::with_builtin_chains(TableName name) {
  Table table;
  table.name = name;
  for (const char* chain : builtin_chains(name)) {
    table.chain(chain).policy = Policy::kAccept;
  }
  return table;
}

const Table* Ruleset::find(TableName name) const {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const Table& each) { return each.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace kubeproof::netfilter
