#include "model/proxier/rule_parts.h"

#include <utility>

namespace kubeproof::proxier {

netfilter::Rule commented_rule(std::string comment, netfilter::Target target) {
  netfilter::Rule rule;
  rule.matches.emplace_back(netfilter::CommentMatch{std::move(comment)});
  rule.target = std::move(target);
  return rule;
}

netfilter::Rule frontend_rule(const ServicePortInfo& port, const IpAddress& address,
                              std::string comment, netfilter::Target target) {
  netfilter::Rule rule = commented_rule(std::move(comment), std::move(target));
  rule.destination = {Cidr::host(address), false};
  rule.protocol = {port.name.protocol, false};
  rule.matches.emplace_back(netfilter::DestinationPortMatch{port.port});
  return rule;
}

netfilter::Rule node_port_rule(const ServicePortInfo& port, std::string comment,
                               netfilter::Target target) {
  netfilter::Rule rule = commented_rule(std::move(comment), std::move(target));
  rule.protocol = {port.name.protocol, false};
  rule.matches.emplace_back(netfilter::DestinationPortMatch{port.node_port});
  return rule;
}

netfilter::Rule refused_node_port_rule(const ServicePortInfo& port, std::string comment,
                                       netfilter::Target target) {
  netfilter::Rule rule = commented_rule(std::move(comment), std::move(target));
  rule.protocol = {port.name.protocol, false};
  rule.matches.emplace_back(netfilter::LocalAddressMatch{false, false});
  rule.matches.emplace_back(netfilter::DestinationPortMatch{port.node_port});
  return rule;
}

netfilter::Rule health_check_rule(const ServicePortInfo& port, const std::string& name) {
  netfilter::Rule rule =
      commented_rule(name + " health check node port", netfilter::AcceptTarget{});
  rule.protocol = {kTcp, false};
  rule.matches.emplace_back(netfilter::DestinationPortMatch{port.health_check_node_port});
  return rule;
}

netfilter::Rule local_source_rule(std::string comment, netfilter::Target target) {
  netfilter::Rule rule = commented_rule(std::move(comment), std::move(target));
  rule.matches.emplace_back(netfilter::LocalAddressMatch{true, false});
  return rule;
}

netfilter::Target mark_for_masquerade() {
  return netfilter::JumpTarget{"KUBE-MARK-MASQ"};
}

netfilter::Target mark_for_drop() {
  return netfilter::JumpTarget{"KUBE-MARK-DROP"};
}

}  // namespace kubeproof::proxier
