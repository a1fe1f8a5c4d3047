// What surprises about kube-proxy's rules, and how often a run met it. Each quirk is recognised by
// the rules that a packet met in the reference and by what became of it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/fate.h"
#include "model/packet/packet_view.h"
#include "model/proxier/endpoints.h"
#include "model/proxier/service_port.h"

namespace kubeproof::explore {

// What a frontend address of a service is.
enum class FrontendRole : uint8_t { kClusterIp, kExternalIp, kLoadBalancer };

struct Frontend {
  const proxier::ServicePortInfo* port = nullptr;
  uint8_t protocol = 0;
  FrontendRole role = FrontendRole::kClusterIp;
};

// The objects as kube-proxy sees them, looked up by what packets and rules name.
class ServiceIndex {
 public:
  ServiceIndex(const Cluster& cluster, const World& world, const ProxyConfig& proxy);
  ServiceIndex(const ServiceIndex&) = delete;
  ServiceIndex& operator=(const ServiceIndex&) = delete;

  // All services that have this address and port; several are a conflict.
  std::vector<Frontend> frontends(const SocketAddress& at, uint8_t protocol) const;
  bool is_frontend_address(const IpAddress& address, FrontendRole role) const;
  // "default/svc0:p0", as comments name it, with the protocol of the packet.
  const proxier::ServicePortInfo* find(Family family, std::string_view name,
                                       uint8_t protocol) const;
  const proxier::Endpoint* endpoint(const proxier::ServicePortInfo& port,
                                    const SocketAddress& address) const;
  // Whether the Service lists source ranges, of whatever kind.
  bool lists_source_ranges(const proxier::ServicePortInfo& port) const;
  // Of a Node object that is not the node itself.
  bool is_other_node(const IpAddress& address) const;

 private:
  struct OfFamily {
    std::vector<proxier::ServicePortInfo> ports;
    proxier::EndpointsByPort endpoints;
  };
  const OfFamily& of(Family family) const { return families_[family == Family::kIpv4 ? 0 : 1]; }

  Cluster cluster_;
  std::string node_name_;
  OfFamily families_[2];
};

// Which endpoint a client was bound to, by client and Service, and then by port.
using Affinities = std::map<std::string, std::map<std::string, IpAddress>>;

// A line of a trace and the step whose rule it tells; see rule_steps.h.
struct TraceLine {
  std::string_view text;
  std::string_view step;
};

// One packet and all that is known of it.
struct QuirkScene {
  const World& world;
  const ServiceIndex& services;
  const Injection& injection;
  const PacketView& in;
  const Fate& fate;
  std::optional<PacketView> out;     // of the first emission
  std::span<const TraceLine> trace;  // of the outcome that the engine took
  Affinities& affinities;
};

struct Quirk {
  std::string_view id;  // "Q1"
  std::string_view title;
  bool (*met)(const QuirkScene&);
  // A corpus case in place of a predicate, where one packet cannot show it.
  std::string_view pinned_by = {};
};

std::span<const Quirk> quirks();

}  // namespace kubeproof::explore
