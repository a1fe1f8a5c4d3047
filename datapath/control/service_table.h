// All entries of all services, and who has a frontend that several of them claim. A table does not
// change by itself: it tells what would follow from new entries of some services, which can be
// written to maps and then taken over, or forgotten.
#pragma once

#include <map>
#include <optional>
#include <tuple>
#include <vector>

#include "datapath/control/service_entries.h"

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
  // Of all places that a service of these claims or claimed; nothing where nobody does any more.
  std::map<FrontendPlace, std::optional<FrontendOwner>> frontends;
};

class ServiceTable {
 public:
  // The entries that some services have from here on; none for one that is gone.
  using NewEntries = std::map<ObjectKey, std::vector<ServiceEntry>>;

  TableChange plan(const NewEntries& entries) const;
  // As planned, with nothing taken over in between.
  void take_over(NewEntries entries);

  // Where UDP from `frontend` may be led to, ready or not; nothing where no service has it.
  const std::vector<SocketAddress>* udp_endpoints(const FrontendPlace& frontend) const;

 private:
  // In the order of services and, within one, as the entries and their frontends come: the first
  // that has endpoints has the place, or the first of all. Whoever has endpoints has nat rules; the
  // others only have filter rules, which do not stand in the way of those.
  using Claimant = std::tuple<ObjectKey, size_t, size_t>;
  using Claims = std::map<Claimant, FrontendOwner>;

  struct Port {
    ServicePortName name;
    std::vector<FrontendPlace> places;
    std::vector<SocketAddress> udp_endpoints;
  };

  static const FrontendOwner* owner(const Claims& claims);

  std::map<ObjectKey, std::vector<Port>> services_;
  std::map<FrontendPlace, Claims> claims_;
};

}  // namespace kubeproof::control
