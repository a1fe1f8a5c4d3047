// The cells in which a report counts traffic: which kind of service address, from where, which
// family and protocol. What a run never reached shows as an empty cell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "model/packet/packet_view.h"

namespace kubeproof {

enum class ServiceKind : uint8_t { kNone, kClusterIp, kNodePort, kLoadBalancer, kExternalIp };
enum class Origin : uint8_t { kPod, kHost, kPodElsewhere, kOtherNode, kOutside };
// The traffic policy that holds for such an address of the service.
enum class CellPolicy : uint8_t { kCluster, kLocal };
enum class CellProtocol : uint8_t { kTcp, kUdp, kSctp, kIcmp, kOther };

inline constexpr size_t kServiceKinds = 5;
inline constexpr size_t kOrigins = 5;
inline constexpr size_t kCellProtocols = 5;
inline constexpr size_t kFamilies = 2;
inline constexpr size_t kCellPolicies = 2;

// What Services speak.
inline constexpr std::array kServiceProtocols = {CellProtocol::kTcp, CellProtocol::kUdp,
                                                 CellProtocol::kSctp};

// Names in JSON and text: "ClusterIP", "pod", "TCP". These are stable.
std::string_view to_string(ServiceKind kind);
std::string_view to_string(Origin origin);
std::string_view to_string(CellProtocol protocol);
std::string_view to_string(CellPolicy policy);

struct TrafficCell {
  ServiceKind service = ServiceKind::kNone;
  Origin origin = Origin::kOutside;
  Family family = Family::kIpv4;
  CellProtocol protocol = CellProtocol::kOther;
  CellPolicy policy = CellPolicy::kCluster;  // of no service: kCluster

  friend bool operator==(const TrafficCell&, const TrafficCell&) = default;
};

CellProtocol cell_protocol(uint8_t ip_protocol);

// One number for each cell.
class CellCounts {
 public:
  static constexpr size_t kCells =
      kServiceKinds * kCellPolicies * kOrigins * kFamilies * kCellProtocols;

  uint64_t& operator[](const TrafficCell& cell) { return counts_[index(cell)]; }
  uint64_t operator[](const TrafficCell& cell) const { return counts_[index(cell)]; }

  CellCounts& operator+=(const CellCounts& other);

  // Calls visit(cell, count) for every cell that is not empty, in a fixed order.
  template <class Visitor>
  void for_each(Visitor visit) const {
    for (size_t i = 0; i < kCells; ++i) {
      if (counts_[i] != 0) visit(cell_at(i), counts_[i]);
    }
  }

 private:
  static size_t index(const TrafficCell& cell);
  static TrafficCell cell_at(size_t index);

  std::array<uint64_t, kCells> counts_{};
};

// The cells of services: every kind of client can ask every kind of address, whatever its policy,
// over either family and each of the protocols of Services. None of them is empty by nature.
inline constexpr size_t kServiceCells =
    (kServiceKinds - 1) * kCellPolicies * kOrigins * kFamilies * kServiceProtocols.size();

// Those of them that are empty, row by row of the table.
std::vector<TrafficCell> unreached_cells(const CellCounts& cells);

}  // namespace kubeproof
