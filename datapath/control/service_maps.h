// Makes the maps of services say what a table says, by writing what changes.
//
// Each packet goes by one state of the services, and frontends tell what they are in the present
// state and in the next. Packets look up all else by the identifiers in frontends. So sets of
// backends, lists of source ranges and of the other services at the same address are never changed:
// a new one is written under a fresh identifier, then the frontends that lead to it in the next
// state. Once packets go by that, each of them meets all services as they are to be, and until then
// as they were. What the next state does not need goes later, when no program can still be on its
// way to it. Identifiers are not used again, so flows and affinities can never come to mean another
// service or endpoint.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "datapath/bpf/service_abi.h"
#include "datapath/control/bpf_map.h"
#include "datapath/control/map_transaction.h"
#include "datapath/control/service_table.h"

namespace kubeproof::control {

struct ServiceMapHandles {
  BpfMap<abi::frontend_key, abi::frontend_versions> frontends;
  BpfMap<abi::backend_key, abi::backend> backends;
  BpfMap<abi::member_key, uint32_t> members;
  BpfMap<abi::source_range_key, uint32_t> source_ranges;
};

class ServiceMaps {
 public:
  // The maps are empty, and nobody else writes to them.
  explicit ServiceMaps(ServiceMapHandles maps) : maps_(std::move(maps)) {}

  // Writes what packets will meet that go by next_state(). To be taken back where take_over() is
  // not called.
  Result<void> prepare(TableChange change, MapTransaction& transaction);
  uint32_t present_state() const { return state_; }
  // The present one, if nothing changes.
  uint32_t next_state() const { return prepared_ && prepared_->is_seen ? state_ + 1 : state_; }
  // Packets go by it.
  void take_over();

  // Removes what was replaced long enough ago; prepare() does, too, as far as it needs the room.
  void remove_retired();

  // "default/web:http"; empty for an identifier that no service has now.
  std::string service_name(uint32_t service_id) const;

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
  // The frontends of one place behind the first, in order; 0 is the empty list.
  struct FrontendList {
    uint32_t id = 0;
    std::vector<abi::frontend> frontends;
  };
  using FrontendLists = std::map<FrontendPlace, FrontendList>;
  struct ProgrammedService {
    uint32_t id = 0;
    bool has_affinity = false;
    Set cluster;
    Set local;
    RangeList source_ranges;
  };
  using Services = std::map<ServicePortName, ProgrammedService>;

  // Entries in each map.
  struct Counts {
    int64_t frontends = 0;
    int64_t backends = 0;
    int64_t members = 0;
    int64_t source_ranges = 0;

    void add(const Set& set, int sign);
    void add(const ProgrammedService& service, int sign);
    void add(const FrontendList& list, int sign);
  };
  using Clock = std::chrono::steady_clock;
  // A frontend that is none from a state on.
  struct Gone {
    abi::frontend_key key{};
    uint32_t since = 0;
  };
  struct Retired {
    Clock::time_point since;
    Set set = {};
    RangeList ranges = {};
    FrontendList frontends = {};
    std::optional<Gone> gone = {};
  };
  // What a change makes of the services; nothing is written yet.
  struct Plan {
    Services services;                 // those that stay or come
    std::vector<const Set*> new_sets;  // of them
    std::vector<const RangeList*> new_ranges;
    FrontendLists lists;  // of the places that it is about
    std::vector<const FrontendList*> new_lists;
    std::vector<abi::frontend_key> going;
    Counts at_rest;  // once it is done
    Counts on_the_way;
  };
  struct Prepared {
    TableChange change;
    Plan plan;
    bool is_seen;  // by packets
  };

  Result<Plan> make_plan(const TableChange& change);
  void plan_service(const ServiceEntry& entry, const ProgrammedService* before, Plan& plan);
  Set plan_set(const std::vector<SocketAddress>& endpoints, bool with_members, const Set* before,
               const std::map<SocketAddress, uint32_t>& backend_ids);
  void plan_frontends(const TableChange& change, Plan& plan);
  void plan_list(const FrontendPlace& place, const std::vector<FrontendOwner>& owners, Plan& plan);
  const FrontendList& list_at(const FrontendPlace& place) const;
  Result<void> make_room(const Plan& plan);
  Result<void> check_room(const Counts& counts, const char* when) const;
  Result<void> write(const Plan& plan, MapTransaction& transaction);
  Result<void> write_sets(const Plan& plan, MapTransaction& transaction);
  Result<void> write_lists(const Plan& plan, MapTransaction& transaction);
  // Whether there were any.
  Result<bool> write_frontends(const TableChange& change, const Plan& plan,
                               MapTransaction& transaction);
  // What stands at the place itself.
  abi::frontend entry(const FrontendPlace& place, const std::vector<FrontendOwner>& owners,
                      const Plan& plan) const;
  abi::frontend frontend(const FrontendOwner& owner, const Plan& plan) const;
  void take_over_lists(const TableChange& change, Plan& plan);
  void retire(const ProgrammedService& before, const ProgrammedService* after);
  void retire(Retired retired);
  void remove(const Retired& retired);

  ServiceMapHandles maps_;
  Services services_;
  FrontendLists lists_;
  std::unordered_map<uint32_t, const ServicePortName*> names_;
  Counts counts_;  // at rest
  Counts retired_counts_;
  std::vector<Retired> retired_;
  uint32_t state_ = 0;  // that packets go by
  std::optional<Prepared> prepared_;
  uint32_t last_id_ = 0;
};

}  // namespace kubeproof::control
