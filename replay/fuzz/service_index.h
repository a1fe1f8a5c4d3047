// The objects as kube-proxy sees them, looked up by what packets and rules name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"
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
  // Whether any port of that name, in a comment, has the address in that role.
  bool has_address(std::string_view name, const IpAddress& address, FrontendRole role) const;
  // Whether one has it as a source range.
  bool has_source_range(std::string_view name, const Cidr& range) const;
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

}  // namespace kubeproof::explore
