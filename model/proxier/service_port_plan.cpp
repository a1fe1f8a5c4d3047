#include "model/proxier/service_port_plan.h"

namespace kubeproof::proxier {
namespace {

// What is dropped by its mark is not refused where it comes in.
std::optional<Refusal> refusal(const std::string& name, const Categorized& endpoints,
                               bool local_policy, Release release) {
  if (!endpoints.has_any) {
    return Refusal{netfilter::RejectTarget{}, name + " has no endpoints"};
  }
  if (local_policy && endpoints.local.empty() && !release.drops_by_mark()) {
    return Refusal{netfilter::DropTarget{}, name + " has no local endpoints"};
  }
  return std::nullopt;
}

}  // namespace

ServicePortPlan::ServicePortPlan(const ServicePortInfo& port, const Categorized& categorized,
                                 Release release)
    : info(port),
      endpoints(categorized),
      name(port.name.to_string()),
      chains(port.name),
      internal_chain(port.internal_policy_local ? chains.local : chains.cluster),
      external_chain(port.external_policy_local ? chains.local : chains.cluster),
      internal_refusal(refusal(name, categorized, port.internal_policy_local, release)),
      external_refusal(refusal(name, categorized, port.external_policy_local, release)) {
  writes_cluster_chain = !categorized.cluster.empty() && port.uses_cluster_endpoints();
  const bool local_chain_drops = release.drops_by_mark() && categorized.has_any;
  writes_local_chain =
      (!categorized.local.empty() || local_chain_drops) && port.uses_local_endpoints();
  // Even where external traffic is refused: that of the node and its pods is not.
  writes_external_chain = categorized.has_any && port.externally_accessible();
  writes_firewall_chain =
      categorized.has_any && !port.load_balancer_vips.empty() && !port.source_ranges.empty();
}

}  // namespace kubeproof::proxier
