#include "datapath/control/service_table.h"

#include <algorithm>
#include <utility>

#include "model/packet/protocol_name.h"

namespace kubeproof::control {
namespace {

// A health check's port is TCP whatever the service is.
FrontendPlace place_of(const ServicePortName& name, const Frontend& frontend) {
  const bool is_health_check = frontend.kind == abi::FRONTEND_HEALTH_CHECK;
  return {.family = name.family,
          .protocol = is_health_check ? Protocol{kTcp} : name.protocol,
          .kind = frontend.kind,
          .at = frontend.at};
}

constexpr uint32_t kRefusesInternal = abi::FRONTEND_REJECTS_INTERNAL | abi::FRONTEND_DROPS_INTERNAL;
constexpr uint32_t kRefusesExternal = abi::FRONTEND_REJECTS_EXTERNAL | abi::FRONTEND_DROPS_EXTERNAL;
constexpr uint32_t kRefuses =
    kRefusesInternal | kRefusesExternal | abi::FRONTEND_DROPS_OTHER_SOURCES;

// What the filter rules of the service say about packets that no nat rule took.
uint32_t refusals(const ServiceEntry& entry, const Frontend& frontend) {
  if (frontend.kind == abi::FRONTEND_HEALTH_CHECK) return 0;
  const bool internal = (frontend.flags & abi::FRONTEND_CLUSTER_IP) != 0;
  const bool local = (frontend.flags & abi::FRONTEND_POLICY_LOCAL) != 0;
  uint32_t flags = 0;
  if ((frontend.flags & abi::FRONTEND_HAS_ENDPOINTS) == 0) {
    return internal ? abi::FRONTEND_REJECTS_INTERNAL : abi::FRONTEND_REJECTS_EXTERNAL;
  }
  if (local && entry.endpoints.local.empty()) {
    flags = internal ? abi::FRONTEND_DROPS_INTERNAL : abi::FRONTEND_DROPS_EXTERNAL;
  }
  if ((frontend.flags & abi::FRONTEND_SOURCE_RANGES) != 0) {
    flags |= abi::FRONTEND_DROPS_OTHER_SOURCES;
  }
  return flags;
}

// Whether there is a nat rule for it.
bool may_lead(const FrontendOwner& claim) {
  return (claim.flags & abi::FRONTEND_HAS_ENDPOINTS) != 0 &&
         (claim.flags & abi::FRONTEND_DROPS_INTERNAL) == 0;
}

bool always_leads(const FrontendOwner& claim) {
  return (claim.flags & abi::FRONTEND_CLUSTER_IP) != 0 ||
         (claim.flags & (abi::FRONTEND_POLICY_LOCAL | abi::FRONTEND_SOURCE_RANGES)) == 0;
}

// An external IP and a load balancer's are often the same: what the rules of the one do not lead
// anywhere, those of the other do not either.
bool leads_no_more_than(const FrontendOwner& claim, const FrontendOwner& earlier) {
  const uint32_t flags = claim.flags & ~kRefuses;
  const uint32_t unrestricted = flags & ~uint32_t{abi::FRONTEND_SOURCE_RANGES};
  return claim.service == earlier.service &&
         (earlier.flags == flags || earlier.flags == unrestricted);
}

template <class Claims>
auto first_that_refuses(const Claims& claims, uint32_t how) {
  return std::find_if(claims.begin(), claims.end(),
                      [how](const auto& claim) { return (claim.second.flags & how) != 0; });
}

template <class Visit>
void for_each_frontend(const std::vector<ServiceEntry>& entries, Visit visit) {
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = 0; j < entries[i].frontends.size(); ++j) {
      const Frontend& frontend = entries[i].frontends[j];
      visit(place_of(entries[i].name, frontend), i, j,
            FrontendOwner{.service = entries[i].name,
                          .flags = frontend.flags | refusals(entries[i], frontend),
                          .affinity_timeout_seconds = entries[i].affinity_timeout_seconds});
    }
  }
}

}  // namespace

std::vector<FrontendOwner> ServiceTable::owners(const Claims& claims,
                                                const Claims* node_port_claims) {
  std::vector<FrontendOwner> owners;
  uint32_t refused = 0;
  bool all_led = false;
  for (const auto& [claimant, claim] : claims) {
    refused |= claim.flags & abi::FRONTEND_DROPS_OTHER_SOURCES;
    if (!may_lead(claim) || all_led) continue;
    if (!owners.empty() && leads_no_more_than(claim, owners.back())) continue;
    all_led = always_leads(claim);
    owners.push_back(claim);
    owners.back().flags &= ~kRefuses;
  }
  if (owners.empty() && !claims.empty()) {
    owners.push_back(claims.begin()->second);
    owners.back().flags &= ~(kRefuses | abi::FRONTEND_HAS_ENDPOINTS);
  }
  for (const uint32_t how : {kRefusesInternal, kRefusesExternal}) {
    const auto first = first_that_refuses(claims, how);
    if (first == claims.end()) continue;
    refused |= first->second.flags & how;
    if (how != kRefusesExternal || node_port_claims == nullptr) continue;
    const auto other = first_that_refuses(*node_port_claims, how);
    if (other != node_port_claims->end() && other->first < first->first) {
      refused |= abi::FRONTEND_NODE_PORT_FIRST;
    }
  }
  if (!owners.empty()) owners.front().flags |= refused;
  return owners;
}

const ServiceTable::Claims* ServiceTable::node_port_claims(const FrontendPlace& place,
                                                           const ClaimsByPlace& changed,
                                                           const ClaimsByPlace& before) {
  if (place.kind != abi::FRONTEND_ADDRESS) return nullptr;
  FrontendPlace node_port = place;
  node_port.kind = abi::FRONTEND_NODE_PORT;
  node_port.at.address = IpAddress::unspecified(place.family);
  if (const auto found = changed.find(node_port); found != changed.end()) return &found->second;
  const auto found = before.find(node_port);
  return found == before.end() ? nullptr : &found->second;
}

void ServiceTable::add_addresses_of_node_ports(ClaimsByPlace& changed) const {
  ClaimsByPlace others;
  for (const auto& [place, claims] : changed) {
    if (place.kind != abi::FRONTEND_NODE_PORT) continue;
    const auto addresses = addresses_.find({place.family, place.protocol, place.at.port});
    if (addresses == addresses_.end()) continue;
    for (const FrontendPlace& address : addresses->second) {
      others.emplace(address, claims_.at(address));
    }
  }
  changed.merge(others);
}

Result<void> ServiceTable::plan_frontends(const ClaimsByPlace& changed, TableChange& change) const {
  for (const auto& [place, claims] : changed) {
    auto after = owners(claims, node_port_claims(place, changed, claims_));
    if (after.size() > FRONTENDS_AT_ONE_PLACE) {
      return environment_error("{} {}: {} services share it, and the datapath tells {} apart",
                               protocol_name(place.protocol), place.at.to_string(), after.size(),
                               FRONTENDS_AT_ONE_PLACE);
    }
    change.frontends[place] = std::move(after);
  }
  return {};
}

Result<TableChange> ServiceTable::plan(const NewEntries& entries) const {
  TableChange change;
  ClaimsByPlace claims;
  const auto claims_of = [&](const FrontendPlace& place) -> Claims& {
    const auto [claimed, fresh] = claims.try_emplace(place);
    if (!fresh) return claimed->second;
    const auto before = claims_.find(place);
    if (before != claims_.end()) claimed->second = before->second;
    std::erase_if(claimed->second, [&](const auto& claim) {
      return entries.contains(std::get<ObjectKey>(claim.first));
    });
    return claimed->second;
  };

  for (const auto& [key, list] : entries) {
    if (const auto before = services_.find(key); before != services_.end()) {
      for (const Port& port : before->second) {
        change.services[port.name] = std::nullopt;
        for (const FrontendPlace& place : port.places) claims_of(place);
      }
    }
    for (const ServiceEntry& entry : list) change.services.insert_or_assign(entry.name, entry);
    for_each_frontend(list, [&, service = key](const FrontendPlace& place, size_t i, size_t j,
                                               FrontendOwner claim) {
      claims_of(place).emplace(Claimant{service, i, j}, std::move(claim));
    });
  }
  add_addresses_of_node_ports(claims);
  if (auto planned = plan_frontends(claims, change); !planned) {
    return tl::unexpected(planned.error());
  }
  return change;
}

void ServiceTable::take_over(NewEntries entries) {
  for (auto& [key, list] : entries) {
    if (const auto before = services_.find(key); before != services_.end()) {
      for (const Port& port : before->second) {
        for (const FrontendPlace& place : port.places) {
          const auto claims = claims_.find(place);
          if (claims == claims_.end()) continue;
          std::erase_if(claims->second, [service = key](const auto& claim) {
            return std::get<ObjectKey>(claim.first) == service;
          });
          if (!claims->second.empty()) continue;
          claims_.erase(claims);
          if (place.kind != abi::FRONTEND_ADDRESS) continue;
          const auto addresses = addresses_.find({place.family, place.protocol, place.at.port});
          addresses->second.erase(place);
          if (addresses->second.empty()) addresses_.erase(addresses);
        }
      }
      services_.erase(before);
    }
    if (list.empty()) continue;
    std::vector<Port>& ports = services_[key];
    for (ServiceEntry& entry : list) {
      ports.push_back({.name = entry.name, .places = {}, .udp_endpoints = {}});
      if (entry.name.protocol == kUdp) ports.back().udp_endpoints = entry.endpoints.serving;
    }
    for_each_frontend(list, [&, service = key](const FrontendPlace& place, size_t i, size_t j,
                                               FrontendOwner claim) {
      ports[i].places.push_back(place);
      if (place.kind == abi::FRONTEND_ADDRESS) {
        addresses_[{place.family, place.protocol, place.at.port}].insert(place);
      }
      claims_[place].emplace(Claimant{service, i, j}, std::move(claim));
    });
  }
}

const std::vector<SocketAddress>* ServiceTable::udp_endpoints(const FrontendPlace& frontend) const {
  const auto claims = claims_.find(frontend);
  if (claims == claims_.end()) return nullptr;
  for (auto claim = claims->second.rbegin(); claim != claims->second.rend(); ++claim) {
    const ServicePortName& claimant = claim->second.service;
    for (const Port& port : services_.at(claimant.service)) {
      if (port.name == claimant && !port.udp_endpoints.empty()) return &port.udp_endpoints;
    }
  }
  return nullptr;
}

}  // namespace kubeproof::control
