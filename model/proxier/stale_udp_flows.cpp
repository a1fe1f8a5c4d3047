#include "model/proxier/stale_udp_flows.h"

#include <utility>

#include "model/proxier/release.h"
#include "model/proxier/service_state.h"

namespace kubeproof {

using proxier::ServiceState;
using proxier::UdpEvents;
using proxier::UdpReconciliation;

std::optional<StaleUdpFlows> StaleUdpFlows::after_change(Family family, const Cluster* before,
                                                         const Cluster& after,
                                                         const std::string& node_name,
                                                         const ProxyConfig& config) {
  const proxier::Release release(config);
  const auto read = [&](const Cluster& cluster) {
    return ServiceState::read(cluster, family, node_name, config);
  };
  const ServiceState then = before == nullptr ? ServiceState() : read(*before);
  const ServiceState now = read(after);
  if (release.udp_cleanup_reconciles()) {
    if (!UdpReconciliation::is_due(then, now, release)) return {};
    return StaleUdpFlows(UdpReconciliation(then, now, release));
  }
  UdpEvents events(then, now, release);
  if (!events.any()) return {};
  return StaleUdpFlows(std::move(events));
}

bool StaleUdpFlows::contains(const SocketAddress& original_destination,
                             const SocketAddress& reply_source) const {
  return std::visit(
      [&](const auto& search) { return search.contains(original_destination, reply_source); },
      search_);
}

}  // namespace kubeproof
