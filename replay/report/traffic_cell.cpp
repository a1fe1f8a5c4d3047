#include "replay/report/traffic_cell.h"

namespace kubeproof {

std::string_view to_string(ServiceKind kind) {
  constexpr std::array<std::string_view, kServiceKinds> kNames = {"none", "ClusterIP", "NodePort",
                                                                  "LoadBalancer", "ExternalIP"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view to_string(Origin origin) {
  constexpr std::array<std::string_view, kOrigins> kNames = {"pod", "host", "pod elsewhere",
                                                             "other node", "outside"};
  return kNames[static_cast<size_t>(origin)];
}

std::string_view to_string(CellProtocol protocol) {
  constexpr std::array<std::string_view, kCellProtocols> kNames = {"TCP", "UDP", "SCTP", "ICMP",
                                                                   "other"};
  return kNames[static_cast<size_t>(protocol)];
}

std::string_view to_string(CellPolicy policy) {
  return policy == CellPolicy::kLocal ? "Local" : "Cluster";
}

CellProtocol cell_protocol(uint8_t ip_protocol) {
  switch (ip_protocol) {
    case kTcp:
      return CellProtocol::kTcp;
    case kUdp:
      return CellProtocol::kUdp;
    case kSctp:
      return CellProtocol::kSctp;
    case kIcmp:
    case kIcmpv6:
      return CellProtocol::kIcmp;
    default:
      return CellProtocol::kOther;
  }
}

CellCounts& CellCounts::operator+=(const CellCounts& other) {
  for (size_t i = 0; i < kCells; ++i) counts_[i] += other.counts_[i];
  return *this;
}

size_t CellCounts::index(const TrafficCell& cell) {
  size_t index = static_cast<size_t>(cell.service);
  index = index * kCellPolicies + static_cast<size_t>(cell.policy);
  index = index * kOrigins + static_cast<size_t>(cell.origin);
  index = index * kFamilies + (cell.family == Family::kIpv4 ? 0 : 1);
  return index * kCellProtocols + static_cast<size_t>(cell.protocol);
}

TrafficCell CellCounts::cell_at(size_t index) {
  TrafficCell cell;
  cell.protocol = static_cast<CellProtocol>(index % kCellProtocols);
  index /= kCellProtocols;
  cell.family = index % kFamilies == 0 ? Family::kIpv4 : Family::kIpv6;
  index /= kFamilies;
  cell.origin = static_cast<Origin>(index % kOrigins);
  index /= kOrigins;
  cell.policy = static_cast<CellPolicy>(index % kCellPolicies);
  cell.service = static_cast<ServiceKind>(index / kCellPolicies);
  return cell;
}

std::vector<TrafficCell> unreached_cells(const CellCounts& cells) {
  std::vector<TrafficCell> unreached;
  for (const ServiceKind service : {ServiceKind::kClusterIp, ServiceKind::kNodePort,
                                    ServiceKind::kLoadBalancer, ServiceKind::kExternalIp}) {
    for (const CellPolicy policy : {CellPolicy::kCluster, CellPolicy::kLocal}) {
      for (size_t origin = 0; origin < kOrigins; ++origin) {
        for (const Family family : {Family::kIpv4, Family::kIpv6}) {
          for (const CellProtocol protocol : kServiceProtocols) {
            const TrafficCell cell{service, static_cast<Origin>(origin), family, protocol, policy};
            if (cells[cell] == 0) unreached.push_back(cell);
          }
        }
      }
    }
  }
  return unreached;
}

}  // namespace kubeproof
