#include "model/proxier/make_rules.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "model/proxier/capture_rules.h"
#include "model/proxier/categorize.h"
#include "model/proxier/endpoints.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/node_ports.h"
#include "model/proxier/rule_parts.h"
#include "model/proxier/service_chains.h"
#include "model/proxier/service_port.h"
#include "model/proxier/static_rules.h"

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

// A service port and all its endpoints, used or not.
struct Proxied {
  proxier::ServicePortInfo port;
  std::vector<proxier::Endpoint> endpoints;
};

std::map<proxier::ServicePortName, Proxied> proxied_ports(const Cluster& cluster, Family family,
                                                          const proxier::NodeIdentity& node,
                                                          proxier::Release release) {
  auto endpoints = proxier::endpoints_by_port(cluster, family, node, release);
  std::map<proxier::ServicePortName, Proxied> ports;
  for (const auto& [key, service] : cluster.services) {
    for (proxier::ServicePortInfo& port : proxier::service_ports(service, family, release)) {
      Proxied& proxied = ports[port.name];
      if (auto found = endpoints.extract(port.name)) proxied.endpoints = std::move(found.mapped());
      proxied.port = std::move(port);
    }
  }
  return ports;
}

bool is_large(const std::map<proxier::ServicePortName, Proxied>& ports) {
  size_t endpoints = 0;
  for (const auto& [name, proxied] : ports) endpoints += proxied.endpoints.size();
  return endpoints > kLargeClusterEndpoints;
}

// The way into KUBE-NODEPORTS, which comes last: every other rule is more specific.
std::vector<Rule> node_port_jumps(const proxier::NodePortAddresses& addresses, const World& world,
                                  Family family, bool localhost_node_ports) {
  const Rule jump = proxier::commented_rule(
      "kubernetes service nodeports; NOTE: this must be the last rule in this chain",
      JumpTarget{"KUBE-NODEPORTS"});
  if (addresses.matches_all()) {
    Rule rule = jump;
    rule.matches.emplace_back(LocalAddressMatch{false, false});
    if (!localhost_node_ports) {
      const char* loopback = family == Family::kIpv4 ? "127.0.0.0/8" : "::1/128";
      rule.destination = {*Cidr::parse(loopback), true};
    }
    return {std::move(rule)};
  }
  std::vector<Rule> rules;
  for (const IpAddress& address : addresses.serving_addresses(world)) {
    if (address.is_loopback() && !localhost_node_ports) continue;
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

  const auto ports = proxied_ports(cluster, family, node, release);

  proxier::RuleContext context;
  context.masquerade_all = config.masquerade_all;
  context.detector = *std::move(detector);
  context.node_ip = node.ip(family);
  context.localhost_node_ports = proxier::serves_localhost_node_ports(config, *node_ports, family);
  context.account = options.account;
  context.comment_endpoints = !is_large(ports);

  proxier::StaticRuleOptions fixed;
  fixed.masquerade_mark = config.masquerade_mark();
  fixed.random_fully = options.random_fully;
  fixed.drop_invalid = !(release.honours_liberal_conntrack() && world.sysctls.tcp_be_liberal);
  fixed.localhost_node_ports = context.localhost_node_ports;
  fixed.account = options.account;
  fixed.kubelet_first = options.kubelet_first;

  Ruleset ruleset = proxier::static_ruleset(family, fixed);
  Table& nat = table(ruleset, TableName::kNat);
  proxier::CaptureRules capture(context, table(ruleset, TableName::kFilter), nat);
  std::vector<Chain> chains;
  for (const auto& [name, proxied] : ports) {
    const auto categorized = proxier::categorize(proxied.port, proxied.endpoints);
    const proxier::ServicePortPlan plan(proxied.port, categorized);
    capture.add(plan);
    auto of_port = proxier::service_chains(context, plan);
    std::move(of_port.begin(), of_port.end(), std::back_inserter(chains));
  }
  auto jumps = node_port_jumps(*node_ports, world, family, context.localhost_node_ports);
  std::move(jumps.begin(), jumps.end(), std::back_inserter(nat.chain("KUBE-SERVICES").rules));
  std::move(chains.begin(), chains.end(), std::back_inserter(nat.chains));
  return ruleset;
}

}  // namespace kubeproof
