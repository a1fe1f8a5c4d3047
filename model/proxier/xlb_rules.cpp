#include "model/proxier/xlb_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "model/proxier/endpoint_choice.h"
#include "model/proxier/rule_parts.h"

namespace kubeproof::proxier {
namespace {

using netfilter::BridgePortMatch;
using netfilter::Chain;
using netfilter::JumpTarget;
using netfilter::LocalAddressMatch;
using netfilter::Rule;
using netfilter::Table;

// Where traffic goes that comes to the service port by other ways than its cluster IP.
const std::string& external_chain(const ServicePortPlan& plan) {
  return plan.info.external_policy_local ? plan.chains.external_local : plan.chains.cluster;
}

void append(std::vector<Rule> rules, std::vector<Rule>& to) {
  std::move(rules.begin(), rules.end(), std::back_inserter(to));
}

}  // namespace

XlbRules::XlbRules(const RuleContext& context, Table& filter, Table& nat)
    : context_(context),
      filter_services_(filter.chain("KUBE-SERVICES").rules),
      filter_external_services_(filter.chain("KUBE-EXTERNAL-SERVICES").rules),
      filter_node_ports_(filter.find("KUBE-NODEPORTS")),
      nat_services_(nat.chain("KUBE-SERVICES").rules),
      nat_node_ports_(nat.chain("KUBE-NODEPORTS").rules) {}

std::vector<Chain> XlbRules::add(const ServicePortPlan& plan) {
  const ServicePortInfo& port = plan.info;
  Rules cluster;
  Rules firewall;
  Rules external_local;
  std::vector<const Endpoint*> reached;
  add_cluster_ip(plan, cluster);
  add_external_ips(plan, cluster);
  add_load_balancer_vips(plan, firewall);
  const bool ends_here = port.node_port != 0 && !context_.node_ports_have_an_address &&
                         context_.release.services_need_a_node_port_address();
  if (!ends_here) {
    if (port.node_port != 0 && context_.node_ports_have_an_address) add_node_port(plan, cluster);
    if (port.health_check_node_port != 0 && filter_node_ports_ != nullptr) {
      filter_node_ports_->rules.push_back(health_check_rule(port, plan.name));
    }
    add_endpoint_choice(context_, plan, plan.endpoints.cluster, cluster);
    reached = plan.endpoints.reachable;
    if (plan.has_endpoints() && port.external_policy_local) {
      external_local = external_local_rules(plan);
    }
  }

  std::vector<Chain> chains;
  const auto add = [&](const std::string& name, Rules rules) {
    chains.push_back({name, std::nullopt, std::move(rules)});
  };
  if (plan.has_endpoints()) add(plan.chains.cluster, std::move(cluster));
  if (port.external_policy_local) add(plan.chains.external_local, std::move(external_local));
  if (!firewall.empty()) add(plan.chains.firewall, std::move(firewall));
  for (const Endpoint* endpoint : reached) {
    add(endpoint_chain(port.name, endpoint->id), endpoint_rules(context_, plan, *endpoint));
  }
  return chains;
}

XlbRules::Rules& XlbRules::masquerading(Rules& dispatch_chain, Rules& cluster_chain) const {
  return context_.release.masquerades_before_the_jump() ? dispatch_chain : cluster_chain;
}

void XlbRules::add_cluster_ip(const ServicePortPlan& plan, Rules& cluster_chain) {
  const IpAddress& address = plan.info.cluster_ip;
  if (plan.internal_refusal) {
    filter_services_.push_back(frontend_rule(plan.info, address, plan.internal_refusal->comment,
                                             plan.internal_refusal->target));
    return;
  }
  const std::string comment = plan.name + " cluster IP";
  if (context_.masquerade_all || context_.detector.is_implemented()) {
    Rule rule = frontend_rule(plan.info, address, comment, mark_for_masquerade());
    if (!context_.masquerade_all) context_.detector.match_not_local(rule);
    masquerading(nat_services_, cluster_chain).push_back(std::move(rule));
  }
  nat_services_.push_back(
      frontend_rule(plan.info, address, comment, JumpTarget{plan.chains.cluster}));
}

void XlbRules::add_external_ips(const ServicePortPlan& plan, Rules& cluster_chain) {
  const bool from_outside = context_.release.captures_external_ips_from_outside();
  for (const IpAddress& address : plan.info.external_ips) {
    if (plan.external_refusal) {
      filter_external_services_.push_back(frontend_rule(
          plan.info, address, plan.external_refusal->comment, plan.external_refusal->target));
      continue;
    }
    const std::string comment = plan.name + " external IP";
    if (!plan.info.external_policy_local) {
      Rule rule = frontend_rule(plan.info, address, comment, mark_for_masquerade());
      if (!from_outside) context_.detector.match_not_local(rule);
      masquerading(nat_services_, cluster_chain).push_back(std::move(rule));
    }
    const Rule jump = frontend_rule(plan.info, address, comment, JumpTarget{external_chain(plan)});
    if (!from_outside) {
      nat_services_.push_back(jump);
      continue;
    }
    // What comes neither from a bridge, as from a container, nor from the node itself.
    Rule& off_machine = nat_services_.emplace_back(jump);
    off_machine.matches.emplace_back(BridgePortMatch{true});
    off_machine.matches.emplace_back(LocalAddressMatch{true, true});
    Rule& address_of_node = nat_services_.emplace_back(jump);
    address_of_node.matches.emplace_back(LocalAddressMatch{false, false});
  }
}

void XlbRules::add_load_balancer_vips(const ServicePortPlan& plan, Rules& firewall_chain) {
  for (const IpAddress& vip : plan.info.load_balancer_vips) {
    if (plan.external_refusal) {
      filter_external_services_.push_back(frontend_rule(
          plan.info, vip, plan.external_refusal->comment, plan.external_refusal->target));
      continue;
    }
    nat_services_.push_back(frontend_rule(plan.info, vip, plan.name + " loadbalancer IP",
                                          JumpTarget{plan.chains.firewall}));
    append(firewall_rules(plan, vip), firewall_chain);
  }
}

XlbRules::Rules XlbRules::firewall_rules(const ServicePortPlan& plan, const IpAddress& vip) const {
  const std::string comment = plan.name + " loadbalancer IP";
  const JumpTarget let_in{external_chain(plan)};
  Rules rules;
  // Before the source is looked at: who is not allowed is marked for masquerade as well.
  if (!plan.info.external_policy_local) {
    rules.push_back(commented_rule(comment, mark_for_masquerade()));
  }
  const auto let_in_from = [&](const Cidr& source) {
    rules.push_back(commented_rule(comment, let_in));
    rules.back().source = {source, false};
  };
  const auto& ranges = plan.info.source_ranges;
  for (const Cidr& range : ranges) let_in_from(range);
  // A node that has the address on one of its interfaces may send from it.
  if (std::any_of(ranges.begin(), ranges.end(),
                  [&](const Cidr& range) { return range.contains(context_.node_ip); })) {
    let_in_from(Cidr::host(vip));
  }
  if (ranges.empty()) rules.push_back(commented_rule(comment, let_in));
  rules.push_back(commented_rule(comment, mark_for_drop()));
  return rules;
}

void XlbRules::add_node_port(const ServicePortPlan& plan, Rules& cluster_chain) {
  if (plan.external_refusal) {
    filter_external_services_.push_back(refused_node_port_rule(
        plan.info, plan.external_refusal->comment, plan.external_refusal->target));
    return;
  }
  Rule masquerade = node_port_rule(plan.info, plan.name, mark_for_masquerade());
  if (!plan.info.external_policy_local) {
    masquerading(nat_node_ports_, cluster_chain).push_back(std::move(masquerade));
  } else {
    // Else the kernel takes it for martian on the endpoint's link.
    const bool v4 = plan.info.cluster_ip.is_v4();
    masquerade.source = {*Cidr::parse(v4 ? "127.0.0.0/8" : "::1/128"), false};
    nat_node_ports_.push_back(std::move(masquerade));
  }
  nat_node_ports_.push_back(node_port_rule(plan.info, plan.name, JumpTarget{external_chain(plan)}));
}

XlbRules::Rules XlbRules::external_local_rules(const ServicePortPlan& plan) const {
  const JumpTarget to_cluster{plan.chains.cluster};
  Rules rules;
  // Traffic of the node and its pods is not from outside.
  if (context_.detector.is_implemented()) {
    rules.push_back(commented_rule(
        "Redirect pods trying to reach external loadbalancer VIP to clusterIP", to_cluster));
    context_.detector.match_local(rules.back());
  }
  rules.push_back(local_source_rule(fmt::format("masquerade LOCAL traffic for {} LB IP", plan.name),
                                    mark_for_masquerade()));
  rules.push_back(local_source_rule(
      fmt::format("route LOCAL traffic for {} LB IP to service chain", plan.name), to_cluster));

  const std::vector<const Endpoint*>& endpoints = plan.endpoints.local;
  if (endpoints.empty()) {
    rules.push_back(commented_rule(plan.name + " has no local endpoints", mark_for_drop()));
  } else if (context_.release.numbers_local_balancing_rules()) {
    RuleContext context = context_;
    context.comment_endpoints = true;
    Rules choice;
    add_endpoint_choice(context, plan, endpoints, choice);
    const size_t first = choice.size() - endpoints.size();
    for (size_t i = 0; i < endpoints.size(); ++i) {
      choice[first + i].matches[0] =
          netfilter::CommentMatch{fmt::format("Balancing rule {} for {}", i, plan.name)};
    }
    append(std::move(choice), rules);
  } else {
    add_endpoint_choice(context_, plan, endpoints, rules);
  }
  return rules;
}

}  // namespace kubeproof::proxier
