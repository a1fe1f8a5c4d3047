// Which endpoints of a service port may receive traffic, by traffic policy: kube-proxy's
// pkg/proxy/topology.go and endpointslicecache.go, read from the objects once more, so that a
// mistake here is not the reference's mistake too.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "datapath/control/release.h"
#include "model/cluster/cluster.h"
#include "model/packet/address.h"

namespace kubeproof::control {

// The service whose endpoints a slice lists; none for those of headless services, which nobody
// proxies.
std::optional<ObjectKey> service_of(const EndpointSlice& slice);

// Where the node is, as far as choosing endpoints depends on it.
struct NodePlace {
  std::string name;
  std::string zone;  // label topology.kubernetes.io/zone; empty without

  friend bool operator==(const NodePlace&, const NodePlace&) = default;
};

// In the order of their text, each address and port once.
struct EndpointSets {
  std::vector<SocketAddress> cluster;  // for policy Cluster
  std::vector<SocketAddress> local;    // for policy Local
  std::vector<SocketAddress> serving;  // ready or not, wherever they are
  // Some endpoint, here or elsewhere, could serve: without one, traffic is refused, not dropped.
  bool usable = false;
};

// Whether hints name a node or zone.
bool lists(const std::vector<std::string>& names, const std::string& name);

// One that slices list for a port, usable or not.
struct KnownEndpoint {
  SocketAddress address;
  const SliceEndpoint* endpoint = nullptr;
  bool on_this_node = false;

  bool ready() const { return endpoint->ready; }
  bool draining() const { return !endpoint->ready && endpoint->serving && endpoint->terminating; }
};
using KnownEndpoints = std::map<std::string, KnownEndpoint>;  // by "address:port"

// By port, as the slices of one service name it.
std::map<std::pair<std::string, Protocol>, KnownEndpoints> known_endpoints(
    const std::vector<const EndpointSlice*>& slices, Family family, const NodePlace& node,
    const Release& release);

EndpointSets choose_endpoints(const std::vector<const EndpointSlice*>& slices, Family family,
                              const ServicePort& port, const NodePlace& node,
                              const Release& release);

}  // namespace kubeproof::control
