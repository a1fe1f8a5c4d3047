// A ruleset with every match and target that we know, negated and not.
#pragma once

#include "model/netfilter/rules.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

inline Cidr cidr(Family family, const char* v4, const char* v6) {
  return *Cidr::parse(family == Family::kIpv4 ? v4 : v6);
}

inline Ruleset every_rule(Family family) {
  Table filter = Table::with_builtin_chains(TableName::kFilter);
  filter.find("FORWARD")->policy = Policy::kDrop;
  const auto add = [](Table& table, const char* chain, const Rule& rule) {
    table.chain(chain).rules.push_back(rule);
  };
  Rule rule;
  rule.matches = {ConntrackStateMatch{kStateNew},
                  CommentMatch{R"(a "quoted" \ it's 100% sure; NOTE: last)"}};
  rule.target = JumpTarget{"KUBE-Z"};
  add(filter, "INPUT", rule);
  rule = {};
  rule.target = JumpTarget{"KUBE-A"};
  add(filter, "FORWARD", rule);

  rule = {};
  rule.source = {cidr(family, "127.0.0.0/8", "::1/128"), true};
  rule.destination = {cidr(family, "127.0.0.0/8", "::1/128"), false};
  rule.matches = {CommentMatch{"plain-word_1"},
                  ConntrackStateMatch{kStateRelated | kStateEstablished | kStateDnat, true}};
  rule.target = DropTarget{};
  add(filter, "KUBE-Z", rule);
  rule = {};
  rule.in_interface = {InterfacePattern{"cali", true}, false};
  rule.out_interface = {InterfacePattern{"eth0", false}, true};
  rule.matches = {
      ConntrackStateMatch{kStateInvalid | kStateNew | kStateUntracked | kStateSnat, false}};
  rule.target = AcceptTarget{};
  add(filter, "KUBE-Z", rule);
  rule = {};
  rule.matches = {MarkMatch{0x4000, 0x4000, true}, MarkMatch{0x7, 0xffffffff, false}};
  rule.target = ReturnTarget{};
  add(filter, "KUBE-Z", rule);
  rule = {};
  rule.destination = {cidr(family, "10.96.0.10/32", "fd00::10/128"), false};
  rule.protocol = {kTcp, false};
  rule.matches = {CommentMatch{"ns1/svc1:p80 has no endpoints"}, DestinationPortMatch{80}};
  rule.target = RejectTarget{};
  add(filter, "KUBE-A", rule);
  rule = {};
  rule.source = {cidr(family, "10.0.0.0/8", "fd00::/8"), true};
  rule.protocol = {kUdp, true};
  rule.matches = {LocalAddressMatch{false, false}, LocalAddressMatch{true, true},
                  BridgePortMatch{true}};
  add(filter, "KUBE-A", rule);  // without a target

  Table nat = Table::with_builtin_chains(TableName::kNat);
  rule = {};
  rule.target = JumpTarget{"KUBE-S"};
  add(nat, "PREROUTING", rule);
  for (const uint32_t threshold : {0x2aaaaaabU, 0x0147ae14U, 0x40000000U}) {
    rule = {};
    rule.matches = {StatisticMatch{threshold}};
    rule.target = MarkTarget{0x4000, 0x4000};
    add(nat, "KUBE-S", rule);
  }
  rule = {};
  rule.matches = {RecentMatch{"KUBE-SEP-A", RecentMatch::Mode::kRecheck, 10800, true}};
  rule.target = MarkTarget{0x4000, 0};
  add(nat, "KUBE-S", rule);
  rule = {};
  rule.protocol = {kSctp, false};
  rule.matches = {RecentMatch{"KUBE-SEP-A", RecentMatch::Mode::kSet, 0, false}, TransportMatch{}};
  rule.target = DnatTarget{
      *SocketAddress::parse(family == Family::kIpv4 ? "10.180.0.1:80" : "[fd00:10:180::1]:80")};
  add(nat, "KUBE-S", rule);
  for (const bool random_fully : {true, false}) {
    rule = {};
    rule.target = MasqueradeTarget{random_fully};
    add(nat, "KUBE-POST", rule);
  }
  nat.chain("KUBE-EMPTY");
  return {family, {filter, nat}};
}

}  // namespace kubeproof::netfilter
