#include "model/proxier/make_rules.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/proxier/capture_rules.h"
#include "model/proxier/categorize.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/node_ports.h"
#include "model/proxier/rule_parts.h"
#include "model/proxier/service_chains.h"
#include "model/proxier/service_state.h"
#include "model/proxier/static_rules.h"
#include "model/proxier/xlb_rules.h"

namespace kubeproof {
namespace {

using netfilter::Chain;
using netfilter::JumpTarget;
using netfilter::LocalAddressMatch;
using netfilter::Rule;
using netfilter::Ruleset;
using netfilter::Table;
using netfilter::TableName;

// With more endpoints than this, comments on them are left out (proxier.go
// largeClusterEndpointsThreshold).
constexpr size_t kLargeClusterEndpoints = 1000;

bool is_large(const proxier::ServiceState& state) {
  size_t endpoints = 0;
  for (const auto& [name, port] : state.ports) endpoints += state.endpoints_of(name).size();
  return endpoints > kLargeClusterEndpoints;
}

// The way into KUBE-NODEPORTS, which comes last: every other rule is more specific.
std::vector<Rule> node_port_jumps(const proxier::NodePortAddresses& addresses, const World& world,
                                  Family family, bool serves_loopback) {
  const Rule jump = proxier::commented_rule(
      "kubernetes service nodeports; NOTE: this must be the last rule in this chain",
      JumpTarget{"KUBE-NODEPORTS"});
  if (addresses.matches_all()) {
    Rule rule = jump;
    rule.matches.emplace_back(LocalAddressMatch{false, false});
    if (!serves_loopback) {
      const char* loopback = family == Family::kIpv4 ? "127.0.0.0/8" : "::1/128";
      rule.destination = {*Cidr::parse(loopback), true};
    }
    return {std::move(rule)};
  }
  std::vector<Rule> rules;
  for (const IpAddress& address : addresses.serving_addresses(world)) {
    if (address.is_loopback() && !serves_loopback) continue;
    rules.push_back(jump);
    rules.back().destination = {Cidr::host(address), false};
  }
  return rules;
}

Table& table(Ruleset& ruleset, TableName name) {
  return *std::find_if(ruleset.tables.begin(), ruleset.tables.end(),
                       [&](const Table& each) { return each.name == name; });
}

}  // namespace

Result<Ruleset> make_rules(Family family, const World& world, const Cluster& cluster,
                           const ProxyConfig& config, const RuleOptions& options) {
  const proxier::Release release(config);
  const proxier::NodeIdentity node = proxier::identify_node(world.node_name, cluster, config);
  auto detector = proxier::LocalDetector::make(config, node, family);
  if (!detector) return tl::unexpected(detector.error());
  const auto node_ports = proxier::NodePortAddresses::make(config, node, family);
  if (!node_ports) return tl::unexpected(node_ports.error());

  const auto state = proxier::ServiceState::read(cluster, family, world.node_name, config);

  proxier::RuleContext context;
  context.release = release;
  context.masquerade_all = config.masquerade_all;
  context.detector = *std::move(detector);
  context.node_ip = node.ip(family);
  context.localhost_node_ports = proxier::serves_localhost_node_ports(config, *node_ports, family);
  context.account = options.account;
  context.comment_endpoints = !is_large(state);
  context.node_ports_have_an_address = !release.node_ports_need_an_address() ||
                                       node_ports->matches_all() ||
                                       !node_ports->serving_addresses(world).empty();

  proxier::StaticRuleOptions fixed;
  fixed.release = release;
  fixed.masquerade_mark = config.masquerade_mark();
  fixed.random_fully = options.random_fully;
  fixed.drop_invalid = !(release.honours_liberal_conntrack() && world.sysctls.tcp_be_liberal);
  fixed.localhost_node_ports = context.localhost_node_ports;
  fixed.account = options.account;
  fixed.kubelet_first = options.kubelet_first;

  Ruleset ruleset = proxier::static_ruleset(family, fixed);
  Table& nat = table(ruleset, TableName::kNat);
  Table& filter = table(ruleset, TableName::kFilter);
  proxier::CaptureRules capture(context, filter, nat);
  proxier::XlbRules xlb(context, filter, nat);
  std::vector<Chain> chains;
  for (const auto& [name, port] : state.ports) {
    const auto categorized = proxier::categorize(port, state.endpoints_of(name), release);
    const proxier::ServicePortPlan plan(port, categorized, release);
    std::vector<Chain> of_port;
    if (release.has_xlb_chains()) {
      of_port = xlb.add(plan);
    } else {
      capture.add(plan);
      of_port = proxier::service_chains(context, plan);
    }
    std::move(of_port.begin(), of_port.end(), std::back_inserter(chains));
  }
  const bool serves_loopback =
      context.localhost_node_ports || !release.excludes_loopback_node_ports();
  auto jumps = node_port_jumps(*node_ports, world, family, serves_loopback);
  std::move(jumps.begin(), jumps.end(), std::back_inserter(nat.chain("KUBE-SERVICES").rules));
  std::move(chains.begin(), chains.end(), std::back_inserter(nat.chains));
  return ruleset;
}

}  // namespace kubeproof
