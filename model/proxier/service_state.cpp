#include "model/proxier/service_state.h"

#include <utility>

#include "model/proxier/node_identity.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {

ServiceState ServiceState::read(const Cluster& cluster, Family family, const std::string& node_name,
                                const ProxyConfig& config) {
  const Release release(config);
  ServiceState state;
  state.endpoints =
      endpoints_by_port(cluster, family, identify_node(node_name, cluster, config), release);
  for (const auto& [key, service] : cluster.services) {
    for (ServicePortInfo& port : service_ports(service, family, release)) {
      ServicePortName name = port.name;
      state.ports.insert_or_assign(std::move(name), std::move(port));
    }
  }
  return state;
}

const std::vector<Endpoint>& ServiceState::endpoints_of(const ServicePortName& name) const {
  static const std::vector<Endpoint> kNone;
  const auto found = endpoints.find(name);
  return found == endpoints.end() ? kNone : found->second;
}

}  // namespace kubeproof::proxier
