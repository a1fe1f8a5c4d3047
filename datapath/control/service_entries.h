// What clients may contact of one service and where it leads: the objects as the maps will say
// them, but without identifiers, and independent of other services and of what the maps said
// before. Follows kube-proxy's pkg/proxy/serviceport.go and the meaning of the rules that
// proxier.go writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "datapath/bpf/service_abi.h"
#include "datapath/control/endpoint_sets.h"
#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"

namespace kubeproof::control {

// One port of a service, in one family. Frontends of the same port share its affinity.
struct ServicePortName {
  ObjectKey service;
  std::string port;
  Protocol protocol = kTcp;
  Family family = Family::kIpv4;

  // "default/web:http"
  std::string to_string() const;
  friend auto operator<=>(const ServicePortName&, const ServicePortName&) = default;
};

struct Frontend {
  abi::frontend_kind kind = abi::FRONTEND_ADDRESS;
  SocketAddress at;                      // an unspecified address for node ports
  uint32_t flags = 0;                    // abi::frontend_flag
  std::vector<Cidr> source_ranges = {};  // with FRONTEND_SOURCE_RANGES
};

struct ServiceEntry {
  ServicePortName name;
  EndpointSets endpoints;
  uint32_t affinity_timeout_seconds = 0;  // with FRONTEND_AFFINITY
  std::vector<Frontend> frontends = {};
};

// What every service's entries depend on besides its own objects.
struct NodeFacts {
  NodePlace place;
  std::optional<IpAddress> ipv4;
  std::optional<IpAddress> ipv6;
  Release release;  // of kube-proxy

  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

NodeFacts node_facts(const World& world, const Cluster& cluster, const ProxyConfig& proxy);

// One for each port and family, in the order in which kube-proxy meets them; none for a service
// that is not kube-proxy's to serve.
std::vector<ServiceEntry> make_service_entries(const Service& service,
                                               const std::vector<const EndpointSlice*>& slices,
                                               const NodeFacts& node);

}  // namespace kubeproof::control
