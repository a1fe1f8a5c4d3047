// Which endpoints of a service port serve which traffic (pkg/proxy/topology.go).
#pragma once

#include <vector>

#include "model/proxier/endpoints.h"
#include "model/proxier/release.h"
#include "model/proxier/service_port.h"

namespace kubeproof::proxier {

// The lists keep the order of the endpoints that they were chosen from, and point to them.
struct Categorized {
  std::vector<const Endpoint*> cluster;    // for traffic by the Cluster policy
  std::vector<const Endpoint*> local;      // for traffic by the Local policy
  std::vector<const Endpoint*> reachable;  // either
  bool has_any = false;                    // something could serve, if need be on another node
};

Categorized categorize(const ServicePortInfo& port, const std::vector<Endpoint>& endpoints,
                       Release release);

}  // namespace kubeproof::proxier
