#include "model/proxier/sysctls.h"

#include "model/proxier/node_identity.h"
#include "model/proxier/node_ports.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {

Result<Sysctls> sysctls_after_start(const ProxyConfig& config, const NodeIdentity& node) {
  const auto addresses = NodePortAddresses::make(config, node, Family::kIpv4);
  if (!addresses) return tl::unexpected(addresses.error());
  Sysctls sysctls;
  const Release release(config);
  sysctls.route_localnet = release.always_routes_localnet() ||
                           serves_localhost_node_ports(config, *addresses, Family::kIpv4);
  sysctls.tcp_be_liberal = config.tcp_be_liberal;
  return sysctls;
}

}  // namespace kubeproof::proxier
