#include "model/proxier/sysctls.h"

#include "model/proxier/node_identity.h"
#include "model/proxier/node_ports.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {
namespace {

FlowTimeouts flow_timeouts(const ConntrackTimeouts& configured) {
  FlowTimeouts timeouts;
  timeouts.tcp_established = configured.tcp_established.value_or(std::chrono::hours(5 * 24));
  timeouts.tcp_close_wait = configured.tcp_close_wait.value_or(std::chrono::minutes(1));
  timeouts.udp = configured.udp.value_or(timeouts.udp);
  timeouts.udp_stream = configured.udp_stream.value_or(timeouts.udp_stream);
  return timeouts;
}

}  // namespace

Result<Sysctls> sysctls_after_start(const ProxyConfig& config, const NodeIdentity& node) {
  const auto addresses = NodePortAddresses::make(config, node, Family::kIpv4);
  if (!addresses) return tl::unexpected(addresses.error());
  Sysctls sysctls;
  const Release release(config);
  sysctls.route_localnet = release.always_routes_localnet() ||
                           serves_localhost_node_ports(config, *addresses, Family::kIpv4);
  sysctls.tcp_be_liberal = config.tcp_be_liberal;
  sysctls.timeouts = flow_timeouts(config.timeouts);
  return sysctls;
}

}  // namespace kubeproof::proxier
