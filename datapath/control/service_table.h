// All entries of all services, and what becomes of a frontend that several of them claim: packets
// are for the first that leads them anywhere, and what none does is refused by the first that
// refuses, as kube-proxy's rules stand one behind the other. (Its own order of services is chance;
// here it is that of their names.) A table does not change by itself: it tells what would follow
// from new entries of some services, which can be written to maps and then taken over, or
// forgotten.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "datapath/control/service_entries.h"
#include "model/result.h"

namespace kubeproof::control {

// What a packet is looked up by.
struct FrontendPlace {
  Family family = Family::kIpv4;
  Protocol protocol = kTcp;
  abi::frontend_kind kind = abi::FRONTEND_ADDRESS;
  SocketAddress at;

  friend auto operator<=>(const FrontendPlace&, const FrontendPlace&) = default;
};

struct FrontendOwner {
  ServicePortName service;
  uint32_t flags = 0;                     // abi::frontend_flag
  uint32_t affinity_timeout_seconds = 0;  // with FRONTEND_AFFINITY
};

struct TableChange {
  // Nothing for a port that is gone.
  std::map<ServicePortName, std::optional<ServiceEntry>> services;
  // Of all places that a service of these claims or claimed, and of addresses with the port of a
  // node port among them: who is asked in turn; nobody where no service claims it any more.
  std::map<FrontendPlace, std::vector<FrontendOwner>> frontends;
};

class ServiceTable {
 public:
  // The entries that some services have from here on; none for one that is gone.
  using NewEntries = std::map<ObjectKey, std::vector<ServiceEntry>>;

  // An error where more services are to be asked at one place than programs do ask.
  Result<TableChange> plan(const NewEntries& entries) const;
  // As planned, with nothing taken over in between.
  void take_over(NewEntries entries);

  // The serving endpoints, ready or not, of the UDP service that has `frontend`; nothing where
  // there are none. Of several services the last that has some, as kube-proxy comes to it (in no
  // order of its own, so that this one is as good as any).
  const std::vector<SocketAddress>* udp_endpoints(const FrontendPlace& frontend) const;

 private:
  // In the order of services and, within one, as the entries and their frontends come.
  using Claimant = std::tuple<ObjectKey, size_t, size_t>;
  // With all that the claimant's rules refuse in the flags.
  using Claims = std::map<Claimant, FrontendOwner>;
  using ClaimsByPlace = std::map<FrontendPlace, Claims>;
  using PortKey = std::tuple<Family, Protocol, uint16_t>;

  struct Port {
    ServicePortName name;
    std::vector<FrontendPlace> places;
    std::vector<SocketAddress> udp_endpoints;
  };

  static std::vector<FrontendOwner> owners(const Claims& claims, const Claims* node_port_claims);
  static const Claims* node_port_claims(const FrontendPlace& place, const ClaimsByPlace& changed,
                                        const ClaimsByPlace& before);
  void add_addresses_of_node_ports(ClaimsByPlace& changed) const;
  Result<void> plan_frontends(const ClaimsByPlace& changed, TableChange& change) const;

  std::map<ObjectKey, std::vector<Port>> services_;
  ClaimsByPlace claims_;
  std::map<PortKey, std::set<FrontendPlace>> addresses_;  // that are claimed with that port
};

}  // namespace kubeproof::control
