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

netfilter::Target mark_for_masquerade() {
  return netfilter::JumpTarget{"KUBE-MARK-MASQ"};
}

}  // namespace kubeproof::proxier
