#include "model/proxier/capture_rules.h"

#include <utility>

#include "model/proxier/rule_parts.h"

namespace kubeproof::proxier {

using netfilter::AccountingMatch;
using netfilter::JumpTarget;
using netfilter::Rule;
using netfilter::Table;

CaptureRules::CaptureRules(const RuleContext& context, Table& filter, Table& nat)
    : context_(context),
      filter_services_(filter.chain("KUBE-SERVICES").rules),
      filter_external_services_(filter.chain("KUBE-EXTERNAL-SERVICES").rules),
      filter_proxy_firewall_(filter.find("KUBE-PROXY-FIREWALL")),
      filter_node_ports_(filter.find("KUBE-NODEPORTS")),
      nat_services_(nat.chain("KUBE-SERVICES").rules),
      nat_node_ports_(nat.chain("KUBE-NODEPORTS").rules) {}

void CaptureRules::add(const ServicePortPlan& plan) {
  add_cluster_ip(plan);
  add_external_ips(plan);
  add_load_balancer_vips(plan);
  if (plan.info.node_port != 0 && context_.node_ports_have_an_address) add_node_port(plan);
  if (plan.info.health_check_node_port != 0) add_health_check_node_port(plan);
}

void CaptureRules::add_cluster_ip(const ServicePortPlan& plan) {
  const IpAddress& address = plan.info.cluster_ip;
  if (!plan.internal_refusal) {
    nat_services_.push_back(frontend_rule(plan.info, address, plan.name + " cluster IP",
                                          JumpTarget{plan.internal_chain}));
  } else {
    filter_services_.push_back(frontend_rule(plan.info, address, plan.internal_refusal->comment,
                                             plan.internal_refusal->target));
  }
}

void CaptureRules::add_external_ips(const ServicePortPlan& plan) {
  for (const IpAddress& address : plan.info.external_ips) {
    if (plan.has_endpoints()) {
      nat_services_.push_back(frontend_rule(plan.info, address, plan.name + " external IP",
                                            JumpTarget{plan.chains.external}));
    }
    if (plan.external_refusal) {
      filter_external_services_.push_back(frontend_rule(
          plan.info, address, plan.external_refusal->comment, plan.external_refusal->target));
    }
  }
}

void CaptureRules::add_load_balancer_vips(const ServicePortPlan& plan) {
  for (const IpAddress& address : plan.info.load_balancer_vips) {
    if (plan.has_endpoints()) {
      nat_services_.push_back(frontend_rule(plan.info, address, plan.name + " loadbalancer IP",
                                            JumpTarget{plan.load_balancer_chain()}));
    }
    if (plan.writes_firewall_chain && filter_proxy_firewall_ != nullptr) {
      filter_proxy_firewall_->rules.push_back(frontend_rule(
          plan.info, address, plan.name + " traffic not accepted by " + plan.chains.firewall,
          netfilter::DropTarget{}));
    }
    if (plan.external_refusal) {
      filter_external_services_.push_back(frontend_rule(
          plan.info, address, plan.external_refusal->comment, plan.external_refusal->target));
    }
  }
}

void CaptureRules::add_node_port(const ServicePortPlan& plan) {
  if (plan.has_endpoints()) {
    const JumpTarget to_external{plan.chains.external};
    if (context_.account && context_.localhost_node_ports) {
      Rule counted = node_port_rule(plan.info, plan.name, to_external);
      counted.destination = {*Cidr::parse("127.0.0.0/8"), false};
      counted.matches.push_back(AccountingMatch{"localhost_nps_accepted_pkts"});
      nat_node_ports_.push_back(std::move(counted));
    }
    nat_node_ports_.push_back(node_port_rule(plan.info, plan.name, to_external));
  }
  if (plan.external_refusal) {
    filter_external_services_.push_back(refused_node_port_rule(
        plan.info, plan.external_refusal->comment, plan.external_refusal->target));
  }
}

void CaptureRules::add_health_check_node_port(const ServicePortPlan& plan) {
  filter_node_ports_->rules.push_back(health_check_rule(plan.info, plan.name));
}

}  // namespace kubeproof::proxier
