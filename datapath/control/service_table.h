// What clients may contact and where it leads: the objects as the maps will say them, but without
// identifiers and independent of what the maps said before. Follows kube-proxy's
// pkg/proxy/serviceport.go and the meaning of the rules that proxier.go writes.
#pragma once

#include <cstdint>
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
  // Where two services claim the same frontend, the first in the order of names that has endpoints
  // has it, or the first of all.
  std::vector<Frontend> frontends = {};
};

struct ServiceTable {
  std::vector<ServiceEntry> services;
};

ServiceTable make_service_table(const World& world, const Cluster& cluster,
                                const ProxyConfig& proxy);

}  // namespace kubeproof::control
