// Which cell of the report a packet counts in: the kind of service address that its client
// contacted, and where that client is. For the report only; nothing is decided by it.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "model/cluster/cluster.h"
#include "model/node/fate.h"
#include "model/node/prefix_map.h"
#include "model/node/world.h"
#include "replay/report/report.h"
#include "replay/report/traffic_cell.h"

namespace kubeproof {

class TrafficClassifier {
 public:
  // `world` outlives the classifier.
  explicit TrafficClassifier(const World& world);

  // The services from now on.
  void update(const Cluster& cluster);

  // A reply counts in the cell of its flow: its emission's source is the service address.
  TrafficCell classify(const Injection& injection, const Fate& fate) const;

 private:
  struct ServiceAddress {
    SocketAddress address;
    uint8_t protocol;
    friend bool operator==(const ServiceAddress&, const ServiceAddress&) = default;
  };
  struct Hash {
    size_t operator()(const ServiceAddress& key) const {
      return key.address.address.hash() ^
             (size_t{key.address.port} << 8 | key.protocol) * 0x9e3779b97f4a7c15ULL;
    }
  };

  void add_service(const Service& service);
  struct Role {
    ServiceKind kind = ServiceKind::kNone;
    CellPolicy policy = CellPolicy::kCluster;
  };

  void add(std::string_view address, const ServicePort& port, Role role);
  Role service_at(const SocketAddress& address, uint8_t protocol) const;
  Origin origin_of(uint32_t interface, const IpAddress& client) const;

  const World& world_;
  std::unordered_set<IpAddress> own_addresses_;
  std::unordered_set<uint32_t> pod_interfaces_;
  std::unordered_set<IpAddress> other_nodes_;
  std::unordered_set<IpAddress> pods_;
  struct PodCidr {};
  PrefixMap<PodCidr> other_pod_cidrs_;  // of other nodes
  std::unordered_map<ServiceAddress, Role, Hash> services_;
  std::unordered_map<uint32_t, CellPolicy> node_ports_;  // by port and protocol
};

// What became of the packet.
FateClass classify_fate(const Injection& injection, const Fate& fate);

}  // namespace kubeproof
