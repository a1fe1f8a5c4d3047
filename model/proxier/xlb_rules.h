// How kube-proxy 1.20 to 1.23 organised the rules of a service port (pkg/proxy/iptables/proxier.go
// syncProxyRules of those releases): all traffic goes to KUBE-SVC-, or where the external traffic
// policy is Local and it comes from outside, to KUBE-XLB-; every load balancer's address leads
// through KUBE-FW- first. What has no endpoint here, or comes from a source that is not allowed, is
// marked, and dropped by the kubelet's rules where it would enter or leave a process of the node;
// what is only passing through is not.
#pragma once

#include <vector>

#include "model/netfilter/rules.h"
#include "model/proxier/rule_context.h"
#include "model/proxier/service_port_plan.h"

namespace kubeproof::proxier {

// Appends to the fixed chains of both tables. The tables may get no further chains meanwhile.
class XlbRules {
 public:
  XlbRules(const RuleContext& context, netfilter::Table& filter, netfilter::Table& nat);

  // The chains of the service port, for table nat.
  std::vector<netfilter::Chain> add(const ServicePortPlan& plan);

 private:
  using Rules = std::vector<netfilter::Rule>;

  void add_cluster_ip(const ServicePortPlan& plan, Rules& cluster_chain);
  void add_external_ips(const ServicePortPlan& plan, Rules& cluster_chain);
  void add_load_balancer_vips(const ServicePortPlan& plan, Rules& firewall_chain);
  void add_node_port(const ServicePortPlan& plan, Rules& cluster_chain);
  // Where a rule stands that marks for masquerade: in front of the jump, or in the chain.
  Rules& masquerading(Rules& dispatch_chain, Rules& cluster_chain) const;

  Rules firewall_rules(const ServicePortPlan& plan, const IpAddress& vip) const;
  Rules external_local_rules(const ServicePortPlan& plan) const;

  const RuleContext& context_;
  Rules& filter_services_;
  Rules& filter_external_services_;
  netfilter::Chain* filter_node_ports_;  // null in 1.20
  Rules& nat_services_;
  Rules& nat_node_ports_;
};

}  // namespace kubeproof::proxier
