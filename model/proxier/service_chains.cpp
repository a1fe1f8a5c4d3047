#include "model/proxier/service_chains.h"

#include <algorithm>
#include <utility>

#include "model/proxier/endpoint_choice.h"
#include "model/proxier/rule_parts.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Chain;
using netfilter::JumpTarget;
using netfilter::Rule;

// Who is masqueraded on the way from the cluster IP: everybody, or who is not detected as local.
void add_cluster_ip_masquerade(const RuleContext& context, const ServicePortPlan& plan,
                               std::vector<Rule>& rules) {
  if (!context.masquerade_all && !context.detector.is_implemented()) return;
  Rule rule = frontend_rule(plan.info, plan.info.cluster_ip, plan.name + " cluster IP",
                            mark_for_masquerade());
  if (!context.masquerade_all) context.detector.match_not_local(rule);
  rules.push_back(std::move(rule));
}

std::vector<Rule> external_rules(const RuleContext& context, const ServicePortPlan& plan) {
  const std::string destinations = plan.name + " external destinations";
  std::vector<Rule> rules;
  if (!plan.info.external_policy_local) {
    rules.push_back(
        commented_rule("masquerade traffic for " + destinations, mark_for_masquerade()));
  } else {
    // Traffic of the node and its pods goes by the Cluster policy: they are not outside.
    const JumpTarget to_cluster{plan.chains.cluster};
    if (context.detector.is_implemented()) {
      Rule& rule =
          rules.emplace_back(commented_rule("pod traffic for " + destinations, to_cluster));
      context.detector.match_local(rule);
    }
    rules.push_back(
        local_source_rule("masquerade LOCAL traffic for " + destinations, mark_for_masquerade()));
    rules.push_back(local_source_rule("route LOCAL traffic for " + destinations, to_cluster));
  }
  if (!plan.external_refusal) {
    rules.emplace_back().target = JumpTarget{plan.external_chain};
  }
  return rules;
}

std::vector<Rule> firewall_rules(const RuleContext& context, const ServicePortPlan& plan) {
  const std::string comment = plan.name + " loadbalancer IP";
  const JumpTarget to_external{plan.chains.external};
  const auto& vips = plan.info.load_balancer_vips;
  std::vector<Rule> rules;
  const auto let_in = [&](const Cidr& source) {
    rules.push_back(commented_rule(comment, to_external));
    rules.back().source = {source, false};
  };
  const auto let_ranges_in = [&] {
    for (const Cidr& range : plan.info.source_ranges) let_in(range);
  };
  // A node that has the address on one of its interfaces may send from it.
  const bool lets_node_in =
      std::any_of(plan.info.source_ranges.begin(), plan.info.source_ranges.end(),
                  [&](const Cidr& range) { return range.contains(context.node_ip); });
  if (context.release.drops_by_mark()) {
    // One after the other, in one chain.
    for (const IpAddress& vip : vips) {
      let_ranges_in();
      if (lets_node_in) let_in(Cidr::host(vip));
      rules.push_back(commented_rule(comment, mark_for_drop()));
    }
    return rules;
  }
  let_ranges_in();
  if (lets_node_in) {
    for (const IpAddress& vip : vips) let_in(Cidr::host(vip));
  }
  if (context.release.ends_firewall_chain_with_a_comment()) {
    // Only counts; who comes to here is dropped in table filter.
    rules.push_back(
        commented_rule("other traffic to " + plan.name + " will be dropped by KUBE-PROXY-FIREWALL",
                       netfilter::NoTarget{}));
  }
  return rules;
}

}  // namespace

std::vector<Chain> service_chains(const RuleContext& context, const ServicePortPlan& plan) {
  std::vector<Chain> chains;
  const auto add = [&](const std::string& name, std::vector<Rule> rules) {
    chains.push_back({name, std::nullopt, std::move(rules)});
  };
  if (plan.writes_external_chain) add(plan.chains.external, external_rules(context, plan));
  if (plan.writes_firewall_chain) add(plan.chains.firewall, firewall_rules(context, plan));

  const auto add_policy_chain = [&](const std::string& name,
                                    const std::vector<const Endpoint*>& endpoints) {
    std::vector<Rule> rules;
    if (!plan.internal_refusal && plan.internal_chain == name) {
      add_cluster_ip_masquerade(context, plan, rules);
    }
    add_endpoint_choice(context, plan, endpoints, rules);
    // The cluster chain has endpoints wherever it is written.
    if (endpoints.empty()) {
      rules.push_back(commented_rule(plan.name + " has no local endpoints", mark_for_drop()));
    }
    add(name, std::move(rules));
  };
  if (plan.writes_cluster_chain) add_policy_chain(plan.chains.cluster, plan.endpoints.cluster);
  if (plan.writes_local_chain) add_policy_chain(plan.chains.local, plan.endpoints.local);
  for (const Endpoint* endpoint : plan.endpoints.reachable) {
    add(endpoint_chain(plan.info.name, endpoint->id), endpoint_rules(context, plan, *endpoint));
  }
  return chains;
}

}  // namespace kubeproof::proxier
