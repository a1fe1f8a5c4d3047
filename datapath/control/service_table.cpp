#include "datapath/control/service_table.h"

#include <utility>

namespace kubeproof::control {
namespace {

// A health check's port is TCP whatever the service is.
FrontendPlace place_of(const ServicePortName& name, const Frontend& frontend) {
  const bool health_check = (frontend.flags & abi::FRONTEND_HEALTH_CHECK) != 0;
  return {.family = name.family,
          .protocol = health_check ? Protocol{kTcp} : name.protocol,
          .kind = frontend.kind,
          .at = frontend.at};
}

template <class Visit>
void for_each_frontend(const std::vector<ServiceEntry>& entries, Visit visit) {
  for (size_t i = 0; i < entries.size(); ++i) {
    for (size_t j = 0; j < entries[i].frontends.size(); ++j) {
      const Frontend& frontend = entries[i].frontends[j];
      visit(place_of(entries[i].name, frontend), i, j,
            FrontendOwner{.service = entries[i].name,
                          .flags = frontend.flags,
                          .affinity_timeout_seconds = entries[i].affinity_timeout_seconds});
    }
  }
}

}  // namespace

const FrontendOwner* ServiceTable::owner(const Claims& claims) {
  for (const auto& [claimant, claim] : claims) {
    if ((claim.flags & abi::FRONTEND_HAS_ENDPOINTS) != 0) return &claim;
  }
  return claims.empty() ? nullptr : &claims.begin()->second;
}

TableChange ServiceTable::plan(const NewEntries& entries) const {
  TableChange change;
  std::map<FrontendPlace, Claims> claims;
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
  for (const auto& [place, claimants] : claims) {
    const FrontendOwner* winner = owner(claimants);
    change.frontends[place] = winner != nullptr ? std::optional(*winner) : std::nullopt;
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
          if (claims->second.empty()) claims_.erase(claims);
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
      claims_[place].emplace(Claimant{service, i, j}, std::move(claim));
    });
  }
}

const std::vector<SocketAddress>* ServiceTable::udp_endpoints(const FrontendPlace& frontend) const {
  const auto claims = claims_.find(frontend);
  if (claims == claims_.end()) return nullptr;
  const FrontendOwner* winner = owner(claims->second);
  for (const Port& port : services_.at(winner->service.service)) {
    if (port.name == winner->service) return &port.udp_endpoints;
  }
  return nullptr;
}

}  // namespace kubeproof::control
