// The services of one family and all their endpoints, used or not: what kube-proxy holds in its
// ServicePortMap and EndpointsMap.
#pragma once

#include <map>
#include <string>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/packet/address.h"
#include "model/proxier/endpoints.h"
#include "model/proxier/names.h"
#include "model/proxier/service_port.h"

namespace kubeproof::proxier {

struct ServiceState {
  std::map<ServicePortName, ServicePortInfo> ports;
  EndpointsByPort endpoints;  // of services that are not there as well

  static ServiceState read(const Cluster& cluster, Family family, const std::string& node_name,
                           const ProxyConfig& config);

  // Empty where there are none.
  const std::vector<Endpoint>& endpoints_of(const ServicePortName& name) const;
};

}  // namespace kubeproof::proxier
