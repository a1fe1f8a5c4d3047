// What a user says of the node under test. Where it stays silent, default_world.h fills in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/node/world.h"

namespace kubeproof {

// A route that still names its interface, since interfaces and routes may come from different
// files.
struct NamedRoute {
  Route route;         // without its interface
  std::string device;  // empty where the type needs none
  std::string place;   // where it was read, for errors: "routes.json: [3]"
};

// Each replaces what the default world and kube-proxy's configuration would have set.
struct SysctlSettings {
  std::optional<bool> ip_forward;
  std::optional<bool> route_localnet;
  std::optional<bool> accept_local;
  std::optional<bool> tcp_be_liberal;
  std::optional<bool> tcp_loose;
};

struct NodeSpec {
  std::string name;
  std::vector<InterfaceAddress> addresses;  // of the uplink
  std::vector<Cidr> pod_cidrs;
  std::optional<std::vector<Interface>> interfaces;  // kinds are not yet known
  std::optional<std::vector<NamedRoute>> routes;
  SysctlSettings sysctls;
};

// An address of a node that says nothing of its subnet: a /24, or a /64.
InterfaceAddress node_address(const IpAddress& address);

}  // namespace kubeproof
