// Rules for tests, in the order of words that iptables-save has:
//
//   RuleBuilder().to("10.96.0.10/32").protocol(kTcp).dport(80).jump("KUBE-SVC")
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

class RuleBuilder {
 public:
  RuleBuilder& from(std::string_view prefix, bool negated = false) {
    rule_.source = {Cidr::parse(prefix).value(), negated};
    return *this;
  }
  RuleBuilder& to(std::string_view prefix, bool negated = false) {
    rule_.destination = {Cidr::parse(prefix).value(), negated};
    return *this;
  }
  RuleBuilder& in(std::string name, bool is_prefix = false, bool negated = false) {
    rule_.in_interface = {{std::move(name), is_prefix}, negated};
    return *this;
  }
  RuleBuilder& out(std::string name, bool is_prefix = false, bool negated = false) {
    rule_.out_interface = {{std::move(name), is_prefix}, negated};
    return *this;
  }
  RuleBuilder& protocol(uint8_t protocol, bool negated = false) {
    rule_.protocol = {protocol, negated};
    return *this;
  }
  RuleBuilder& dport(uint16_t port) { return match(DestinationPortMatch{port}); }
  RuleBuilder& mark(uint32_t value, uint32_t mask, bool negated = false) {
    return match(MarkMatch{value, mask, negated});
  }
  RuleBuilder& states(uint8_t states, bool negated = false) {
    return match(ConntrackStateMatch{states, negated});
  }
  RuleBuilder& chance(double probability) {
    return match(StatisticMatch{static_cast<uint32_t>(probability * 2147483648.0)});
  }
  RuleBuilder& set(std::string list) {
    return match(RecentMatch{std::move(list), RecentMatch::Mode::kSet, 0, false});
  }
  RuleBuilder& recheck(std::string list, uint32_t seconds) {
    return match(RecentMatch{std::move(list), RecentMatch::Mode::kRecheck, seconds, true});
  }
  RuleBuilder& match(Match match) {
    rule_.matches.push_back(std::move(match));
    return *this;
  }

  Rule jump(std::string chain) { return target(JumpTarget{std::move(chain)}); }
  Rule accept() { return target(AcceptTarget{}); }
  Rule drop() { return target(DropTarget{}); }
  Rule reject() { return target(RejectTarget{}); }
  Rule leave() { return target(ReturnTarget{}); }
  Rule or_mark(uint32_t value) { return target(MarkTarget{value, value}); }
  Rule dnat(std::string_view to) { return target(DnatTarget{SocketAddress::parse(to).value()}); }
  Rule masquerade(bool random_fully = true) { return target(MasqueradeTarget{random_fully}); }
  Rule target(Target target) {
    rule_.target = std::move(target);
    return rule_;
  }

 private:
  Rule rule_;
};

// A ruleset of one family with all built-in chains of the given tables.
inline Ruleset ruleset_with(std::initializer_list<TableName> tables,
                            Family family = Family::kIpv4) {
  Ruleset ruleset;
  ruleset.family = family;
  for (const TableName name : tables) {
    ruleset.tables.push_back(Table::with_builtin_chains(name));
  }
  return ruleset;
}

// The rules of a chain, which is made where there is none.
inline std::vector<Rule>& chain_of(Ruleset& ruleset, TableName table, const std::string& chain) {
  for (Table& each : ruleset.tables) {
    if (each.name == table) return each.chain(chain).rules;
  }
  ruleset.tables.push_back(Table::with_builtin_chains(table));
  return ruleset.tables.back().chain(chain).rules;
}

}  // namespace kubeproof::netfilter
