// Makes the maps of services say what a table says, by writing what differs.
//
// A packet looks up one frontend, and all else by the identifiers in it. So sets of backends and
// lists of source ranges are never changed: a new one is written under a fresh identifier, then the
// frontend is switched to it by one write, then the old one goes. Each packet thus meets a service
// as it was or as it is to be. Identifiers are not used again, so flows and affinities can never
// come to mean another service or endpoint.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "datapath/bpf/service_abi.h"
#include "datapath/control/bpf_map.h"
#include "datapath/control/map_transaction.h"
#include "datapath/control/service_table.h"

namespace kubeproof::control {

struct ServiceMapHandles {
  BpfMap<abi::frontend_key, abi::frontend> frontends;
  BpfMap<abi::backend_key, abi::backend> backends;
  BpfMap<abi::member_key, uint32_t> members;
  BpfMap<abi::source_range_key, uint32_t> source_ranges;
};

class ServiceMaps {
 public:
  // The maps are empty, and nobody else writes to them.
  explicit ServiceMaps(ServiceMapHandles maps) : maps_(std::move(maps)) {}

  // After an error the maps say what they said before.
  Result<void> program(const ServiceTable& table);

  // "default/web:http"; empty for an identifier that no service has now.
  std::string service_name(uint32_t service_id) const;

  void observe_writes(WriteObserver observer) { observer_ = std::move(observer); }

 private:
  // Endpoints in order, as the maps have them under one identifier; 0 is the empty set.
  struct Set {
    uint32_t id = 0;
    std::vector<SocketAddress> endpoints;
    std::vector<uint32_t> backend_ids;
    bool with_members = false;
  };
  struct RangeList {
    uint32_t id = 0;
    std::vector<Cidr> ranges;
  };
  struct ProgrammedService {
    uint32_t id = 0;
    std::map<SocketAddress, uint32_t> backend_ids;  // of all endpoints that traffic may reach
    Set cluster;
    Set local;
    RangeList source_ranges;
  };
  using Services = std::map<ServicePortName, ProgrammedService>;

  struct KeyOrder {
    bool operator()(const abi::frontend_key& a, const abi::frontend_key& b) const;
  };
  using Frontends = std::map<abi::frontend_key, abi::frontend, KeyOrder>;

  Result<void> check_capacity(const ServiceTable& table) const;
  Result<ProgrammedService> write_service(const ServiceEntry& entry, MapTransaction& transaction);
  Result<Set> write_set(const std::vector<SocketAddress>& endpoints, bool with_members,
                        const Set& before, const ProgrammedService& service,
                        MapTransaction& transaction);
  Result<RangeList> write_ranges(const ServiceEntry& entry, const RangeList& before,
                                 MapTransaction& transaction);
  Result<void> switch_frontends(const Frontends& next, MapTransaction& transaction);
  void remove_unused(const Services& next);
  void remove_set(const Set& set);

  ServiceMapHandles maps_;
  WriteObserver observer_;
  Services services_;
  Frontends frontends_;
  std::map<uint32_t, std::string> names_;
  uint32_t last_id_ = 0;  // of services, backends, sets and lists alike
};

}  // namespace kubeproof::control
