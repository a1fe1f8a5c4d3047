// The rules that catch traffic to a service port's frontends and send it to the port's chains, or
// refuse it: what KUBE-SERVICES, KUBE-NODEPORTS, KUBE-EXTERNAL-SERVICES and KUBE-PROXY-FIREWALL
// hold since 1.24 (pkg/proxy/iptables/proxier.go syncProxyRules).
#pragma once

#include "model/netfilter/rules.h"
#include "model/proxier/rule_context.h"
#include "model/proxier/service_port_plan.h"

namespace kubeproof::proxier {

// Appends to the fixed chains of both tables. The tables may get no further chains meanwhile.
class CaptureRules {
 public:
  CaptureRules(const RuleContext& context, netfilter::Table& filter, netfilter::Table& nat);

  void add(const ServicePortPlan& plan);

 private:
  void add_cluster_ip(const ServicePortPlan& plan);
  void add_external_ips(const ServicePortPlan& plan);
  void add_load_balancer_vips(const ServicePortPlan& plan);
  void add_node_port(const ServicePortPlan& plan);
  void add_health_check_node_port(const ServicePortPlan& plan);

  const RuleContext& context_;
  std::vector<netfilter::Rule>& filter_services_;
  std::vector<netfilter::Rule>& filter_external_services_;
  netfilter::Chain* filter_proxy_firewall_;  // null up to 1.24
  netfilter::Chain* filter_node_ports_;      // null in 1.20
  std::vector<netfilter::Rule>& nat_services_;
  std::vector<netfilter::Rule>& nat_node_ports_;
};

}  // namespace kubeproof::proxier
