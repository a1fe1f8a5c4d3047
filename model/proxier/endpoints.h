// The endpoints of every service port, from EndpointSlices (pkg/proxy/endpointslicecache.go,
// pkg/proxy/endpoint.go).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/packet/address.h"
#include "model/proxier/names.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {

struct Endpoint {
  SocketAddress address;
  std::string id;  // "ip:port", "[ip6]:port"; up to 1.30 with the address as the slice has it
  bool local = false;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  // Topology: whether it has hints at all, and whether they name this node or its zone.
  bool has_node_hints = false;
  bool hinted_to_node = false;
  bool has_zone_hints = false;
  bool hinted_to_zone = false;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Endpoints are unique by their id (up to 1.21 by their address) and sorted by it, byte by byte.
using EndpointsByPort = std::map<ServicePortName, std::vector<Endpoint>>;

EndpointsByPort endpoints_by_port(const Cluster& cluster, Family family, const NodeIdentity& node,
                                  Release release);

}  // namespace kubeproof::proxier
