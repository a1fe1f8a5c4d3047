#include "model/cluster/conflicts.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "model/cluster/address_text.h"

namespace kubeproof {
namespace {

std::string_view name_of(Protocol protocol) {
  switch (protocol) {
    case kUdp:
      return "UDP";
    case kSctp:
      return "SCTP";
    default:
      return "TCP";
  }
}

bool has_cluster_ips(const Service& service) {
  return service.type != ServiceType::kExternalName && service.cluster_ip != "None";
}

bool has_node_ports(const Service& service) {
  return service.type == ServiceType::kNodePort || service.type == ServiceType::kLoadBalancer;
}

class Conflicts {
 public:
  Result<void> add(const Service& service) {
    if (auto added = add_ports(service); !added) return added;
    return has_cluster_ips(service) ? add_addresses(service) : Result<void>();
  }

 private:
  Result<void> add_ports(const Service& service) {
    std::set<std::tuple<Protocol, uint16_t>> own;
    for (const ServicePort& port : service.ports) {
      if (!own.emplace(port.protocol, port.port).second) {
        return bad_input("Service {}: spec.ports: {} port {} occurs twice", service.key.to_string(),
                         name_of(port.protocol), port.port);
      }
      if (port.node_port == 0 || !has_node_ports(service)) continue;
      const auto [taken, fresh] =
          node_ports_.try_emplace({port.protocol, port.node_port}, &service.key);
      if (!fresh) {
        return bad_input("Service {}: spec.ports: {} node port {} is taken by Service {}",
                         service.key.to_string(), name_of(port.protocol), port.node_port,
                         taken->second->to_string());
      }
    }
    return {};
  }

  Result<void> add_addresses(const Service& service) {
    std::set<IpAddress> own;
    const auto collect = [&](const std::string& text) {
      if (const auto address = parse_sloppy_address(text)) own.insert(*address);
    };
    collect(service.cluster_ip);
    for (const std::string& text : service.cluster_ips) collect(text);
    for (const IpAddress& address : own) {
      const auto [taken, fresh] = cluster_ips_.try_emplace(address, &service.key);
      if (!fresh) {
        return bad_input("Service {}: spec.clusterIPs: {} is taken by Service {}",
                         service.key.to_string(), address.to_string(), taken->second->to_string());
      }
    }
    return {};
  }

  std::map<std::tuple<Protocol, uint16_t>, const ObjectKey*> node_ports_;
  std::map<IpAddress, const ObjectKey*> cluster_ips_;
};

}  // namespace

Result<void> check_conflicts(const Cluster& cluster) {
  Conflicts conflicts;
  for (const auto& [key, service] : cluster.services) {
    if (auto added = conflicts.add(service); !added) return added;
  }
  return {};
}

}  // namespace kubeproof
