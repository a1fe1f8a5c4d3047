#include "model/proxier/endpoint_choice.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <utility>

#include "model/proxier/rule_parts.h"

namespace kubeproof::proxier {
namespace {

using netfilter::CommentMatch;
using netfilter::JumpTarget;
using netfilter::RecentMatch;
using netfilter::Rule;

Rule endpoint_rule(const RuleContext& context, std::string comment) {
  Rule rule;
  if (context.comment_endpoints) rule.matches.emplace_back(CommentMatch{std::move(comment)});
  return rule;
}

}  // namespace

uint32_t probability_threshold(size_t n) {
  const std::string text = fmt::format("{:.10f}", 1.0 / static_cast<double>(n));
  return static_cast<uint32_t>(std::lround(std::strtod(text.c_str(), nullptr) * 0x80000000U));
}

void add_endpoint_choice(const RuleContext& context, const ServicePortPlan& plan,
                         const std::vector<const Endpoint*>& endpoints, std::vector<Rule>& rules) {
  std::vector<std::string> chains;
  chains.reserve(endpoints.size());
  for (const Endpoint* each : endpoints) {
    chains.push_back(endpoint_chain(plan.info.name, each->id));
  }
  const auto rule_for = [&](size_t i) {
    Rule rule = endpoint_rule(context, context.release.has_xlb_chains()
                                           ? plan.name
                                           : plan.name + " -> " + endpoints[i]->id);
    rule.target = JumpTarget{chains[i]};
    return rule;
  };
  if (plan.info.client_ip_affinity) {
    for (size_t i = 0; i < endpoints.size(); ++i) {
      Rule rule = rule_for(i);
      rule.matches.emplace_back(RecentMatch{chains[i], RecentMatch::Mode::kRecheck,
                                            plan.info.affinity_timeout_seconds, true});
      rules.push_back(std::move(rule));
    }
  }
  for (size_t i = 0; i < endpoints.size(); ++i) {
    Rule rule = rule_for(i);
    const size_t remaining = endpoints.size() - i;
    if (remaining > 1) {
      rule.matches.emplace_back(netfilter::StatisticMatch{probability_threshold(remaining)});
    }
    rules.push_back(std::move(rule));
  }
}

std::vector<Rule> endpoint_rules(const RuleContext& context, const ServicePortPlan& plan,
                                 const Endpoint& endpoint) {
  Rule hairpin = endpoint_rule(context, plan.name);
  hairpin.source = {Cidr::host(endpoint.address.address), false};
  hairpin.target = mark_for_masquerade();

  Rule translate = endpoint_rule(context, plan.name);
  if (plan.info.client_ip_affinity) {
    translate.matches.emplace_back(RecentMatch{endpoint_chain(plan.info.name, endpoint.id),
                                               RecentMatch::Mode::kSet, 0, false});
  }
  translate.protocol = {plan.info.name.protocol, false};
  translate.matches.emplace_back(netfilter::TransportMatch{});
  translate.target = netfilter::DnatTarget{endpoint.address};
  return {std::move(hairpin), std::move(translate)};
}

}  // namespace kubeproof::proxier
