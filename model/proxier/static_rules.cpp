#include "model/proxier/static_rules.h"

#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

namespace kubeproof::proxier {
namespace {

using netfilter::CommentMatch;
using netfilter::ConntrackStateMatch;
using netfilter::JumpTarget;
using netfilter::Match;
using netfilter::Rule;
using netfilter::Ruleset;
using netfilter::Table;
using netfilter::TableName;
using netfilter::Target;

Rule make_rule(std::vector<Match> matches, Target target) {
  Rule rule;
  rule.matches = std::move(matches);
  rule.target = std::move(target);
  return rule;
}

// A jump from a built-in chain; only for new flows where `new_only`.
struct Jump {
  const char* from;
  const char* to;
  const char* comment;
  bool new_only;
};

// What the kubelet's --iptables-drop-bit is by default.
constexpr uint32_t kDropMark = 0x8000;

constexpr const char* kHealthCheckChain = "KUBE-NODEPORTS";
constexpr const char* kFirewallChain = "KUBE-PROXY-FIREWALL";

constexpr Jump kFilterJumps[] = {
    {"INPUT", "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", true},
    {"FORWARD", "KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", true},
    {"INPUT", kHealthCheckChain, "kubernetes health check service ports", false},
    {"FORWARD", "KUBE-SERVICES", "kubernetes service portals", true},
    {"OUTPUT", "KUBE-SERVICES", "kubernetes service portals", true},
    {"FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules", false},
    {"INPUT", kFirewallChain, "kubernetes load balancer firewall", true},
    {"OUTPUT", kFirewallChain, "kubernetes load balancer firewall", true},
    {"FORWARD", kFirewallChain, "kubernetes load balancer firewall", true},
};
constexpr Jump kNatJumps[] = {
    {"OUTPUT", "KUBE-SERVICES", "kubernetes service portals", false},
    {"PREROUTING", "KUBE-SERVICES", "kubernetes service portals", false},
    {"POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules", false},
};
constexpr Jump kFirewallJumps[] = {
    {"INPUT", "KUBE-FIREWALL", nullptr, false},
    {"OUTPUT", "KUBE-FIREWALL", nullptr, false},
};

// Whether the release has the chain of table filter.
bool has_chain(std::string_view chain, Release release) {
  if (chain == kHealthCheckChain) return release.accepts_health_checks();
  if (chain == kFirewallChain) return !release.drops_by_mark();
  return true;
}

// Each jump is inserted at the top of its chain, so that the last comes first.
void insert_jumps(Table& table, std::span<const Jump> jumps, Release release) {
  for (const Jump& jump : jumps) {
    if (table.name == TableName::kFilter && !has_chain(jump.to, release)) continue;
    Rule rule;
    if (jump.new_only) rule.matches.push_back(ConntrackStateMatch{netfilter::kStateNew});
    if (jump.comment != nullptr) rule.matches.push_back(CommentMatch{jump.comment});
    rule.target = JumpTarget{jump.to};
    std::vector<Rule>& rules = table.chain(jump.from).rules;
    rules.insert(rules.begin(), std::move(rule));
  }
}

// Drops what comes to 127.0.0.0/8 from elsewhere, which route_localnet would let in.
Rule localnet_guard() {
  const Cidr loopback = *Cidr::parse("127.0.0.0/8");
  Rule rule = make_rule(
      {CommentMatch{"block incoming localnet connections"},
       ConntrackStateMatch{
           netfilter::kStateRelated | netfilter::kStateEstablished | netfilter::kStateDnat, true}},
      netfilter::DropTarget{});
  rule.source = {loopback, true};
  rule.destination = {loopback, false};
  return rule;
}

std::vector<Rule> forward_rules(const StaticRuleOptions& options) {
  const uint32_t mark = options.masquerade_mark;
  std::vector<Rule> rules;
  if (options.drop_invalid) {
    Rule& drop = rules.emplace_back();
    drop.matches = {ConntrackStateMatch{netfilter::kStateInvalid}};
    if (options.account) {
      drop.matches.push_back(netfilter::AccountingMatch{"ct_state_invalid_dropped_pkts"});
    }
    drop.target = netfilter::DropTarget{};
  }
  rules.push_back(make_rule(
      {CommentMatch{"kubernetes forwarding rules"}, netfilter::MarkMatch{mark, mark, false}},
      netfilter::AcceptTarget{}));
  const auto accept_established = [&](const char* comment) {
    rules.push_back(
        make_rule({CommentMatch{comment},
                   ConntrackStateMatch{netfilter::kStateRelated | netfilter::kStateEstablished}},
                  netfilter::AcceptTarget{}));
  };
  if (options.release.accepts_established_twice()) {
    accept_established("kubernetes forwarding conntrack pod source rule");
    accept_established("kubernetes forwarding conntrack pod destination rule");
  } else {
    accept_established("kubernetes forwarding conntrack rule");
  }
  return rules;
}

std::vector<Rule> postrouting_rules(const StaticRuleOptions& options) {
  const uint32_t mark = options.masquerade_mark;
  return {make_rule({netfilter::MarkMatch{mark, mark, true}}, netfilter::ReturnTarget{}),
          make_rule({}, netfilter::MarkTarget{mark, 0}),
          make_rule({CommentMatch{"kubernetes service traffic requiring SNAT"}},
                    netfilter::MasqueradeTarget{options.random_fully})};
}

std::vector<Rule> firewall_rules(Family family, const StaticRuleOptions& options) {
  std::vector<Rule> rules;
  const bool by_kubelet = options.release.relies_on_kubelet_chains();
  if (by_kubelet) {
    rules.push_back(make_rule({CommentMatch{"kubernetes firewall for dropping marked packets"},
                               netfilter::MarkMatch{kDropMark, kDropMark, false}},
                              netfilter::DropTarget{}));
  }
  if (by_kubelet ? family == Family::kIpv4 : options.localhost_node_ports) {
    rules.push_back(localnet_guard());
  }
  return rules;
}

Table filter_table(Family family, const StaticRuleOptions& options) {
  Table table = Table::with_builtin_chains(TableName::kFilter);
  if (options.kubelet_first) insert_jumps(table, kFirewallJumps, options.release);
  insert_jumps(table, kFilterJumps, options.release);
  if (!options.kubelet_first) insert_jumps(table, kFirewallJumps, options.release);
  for (const char* chain :
       {"KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL", "KUBE-FORWARD", kHealthCheckChain,
        "KUBE-PROXY-CANARY", kFirewallChain, "KUBE-SERVICES"}) {
    if (has_chain(chain, options.release)) table.chain(chain);
  }
  table.chain("KUBE-FIREWALL").rules = firewall_rules(family, options);
  table.chain("KUBE-FORWARD").rules = forward_rules(options);
  return table;
}

Table nat_table(const StaticRuleOptions& options) {
  Table table = Table::with_builtin_chains(TableName::kNat);
  insert_jumps(table, kNatJumps, options.release);
  for (const char* chain : {"KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING",
                            "KUBE-PROXY-CANARY", "KUBE-SERVICES"}) {
    table.chain(chain);
  }
  table.chain("KUBE-POSTROUTING").rules = postrouting_rules(options);
  table.chain("KUBE-MARK-MASQ").rules = {
      make_rule({}, netfilter::MarkTarget{options.masquerade_mark, options.masquerade_mark})};
  if (options.release.relies_on_kubelet_chains()) {
    table.chain("KUBE-MARK-DROP").rules = {
        make_rule({}, netfilter::MarkTarget{kDropMark, kDropMark})};
  }
  return table;
}

}  // namespace

Ruleset static_ruleset(Family family, const StaticRuleOptions& options) {
  Table mangle = Table::with_builtin_chains(TableName::kMangle);
  mangle.chain("KUBE-PROXY-CANARY");
  return {family, {std::move(mangle), filter_table(family, options), nat_table(options)}};
}

}  // namespace kubeproof::proxier
