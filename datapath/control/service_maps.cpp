#include "datapath/control/service_maps.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

abi::frontend_key key_of(const Frontend& frontend, const ServicePortName& name) {
  abi::frontend_key key{};
  key.address = to_abi(frontend.at.address);
  key.port = htons(frontend.at.port);
  // A health check's port is TCP whatever the service is.
  key.protocol = (frontend.flags & abi::FRONTEND_HEALTH_CHECK) != 0 ? kTcp : name.protocol;
  key.family = to_abi(name.family);
  key.kind = static_cast<uint8_t>(frontend.kind);
  return key;
}

abi::source_range_key key_of(const Cidr& range, uint32_t list) {
  constexpr uint32_t kListBits = 32;
  abi::source_range_key key{};
  key.prefix_length = kListBits + range.prefix_length();
  key.list = list;
  key.address = to_abi(range.base());
  return key;
}

template <class T>
bool same(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

const std::vector<Cidr>& ranges_of(const ServiceEntry& entry) {
  static const std::vector<Cidr> kNone;
  for (const Frontend& frontend : entry.frontends) {
    if ((frontend.flags & abi::FRONTEND_SOURCE_RANGES) != 0) return frontend.source_ranges;
  }
  return kNone;
}

Result<void> fits(size_t needed, const std::string& map, uint32_t capacity) {
  if (needed <= capacity) return {};
  return environment_error("BPF map '{}' holds {} entries, and this cluster needs {}", map,
                           capacity, needed);
}

}  // namespace

bool ServiceMaps::KeyOrder::operator()(const abi::frontend_key& a,
                                       const abi::frontend_key& b) const {
  return std::memcmp(&a, &b, sizeof a) < 0;
}

// What the cluster needs at rest; a set that is being replaced needs room beside it, and where that
// is missing the write fails and is taken back.
Result<void> ServiceMaps::check_capacity(const ServiceTable& table) const {
  size_t frontends = 0;
  size_t backends = 0;
  for (const ServiceEntry& entry : table.services) {
    frontends += entry.frontends.size();
    backends += entry.endpoints.cluster.size() + entry.endpoints.local.size();
  }
  if (auto enough = fits(frontends, maps_.frontends.name(), maps_.frontends.max_entries());
      !enough) {
    return enough;
  }
  return fits(backends, maps_.backends.name(), maps_.backends.max_entries());
}

Result<void> ServiceMaps::program(const ServiceTable& table) {
  if (auto enough = check_capacity(table); !enough) return enough;

  Services services;
  Frontends frontends;
  MapTransaction transaction(observer_);
  for (const ServiceEntry& entry : table.services) {
    auto written = write_service(entry, transaction);
    if (!written) return tl::unexpected(written.error());
    for (const Frontend& frontend : entry.frontends) {
      abi::frontend value{};
      value.service_id = written->id;
      value.flags = frontend.flags;
      value.cluster_set = written->cluster.id;
      value.cluster_count = static_cast<uint32_t>(written->cluster.endpoints.size());
      value.local_set = written->local.id;
      value.local_count = static_cast<uint32_t>(written->local.endpoints.size());
      value.affinity_timeout = entry.affinity_timeout_seconds;
      const bool guarded = (frontend.flags & abi::FRONTEND_SOURCE_RANGES) != 0;
      value.source_ranges = guarded ? written->source_ranges.id : 0;
      frontends.emplace(key_of(frontend, entry.name), value);
    }
    services.emplace(entry.name, std::move(*written));
  }
  if (auto switched = switch_frontends(frontends, transaction); !switched) return switched;
  transaction.commit();

  remove_unused(services);
  services_ = std::move(services);
  frontends_ = std::move(frontends);
  names_.clear();
  for (const auto& [name, service] : services_) names_.emplace(service.id, name.to_string());
  return {};
}

Result<ServiceMaps::ProgrammedService> ServiceMaps::write_service(const ServiceEntry& entry,
                                                                  MapTransaction& transaction) {
  static const ProgrammedService kNone;
  const auto found = services_.find(entry.name);
  const ProgrammedService& before = found == services_.end() ? kNone : found->second;

  ProgrammedService service;
  service.id = before.id != 0 ? before.id : ++last_id_;
  for (const auto* endpoints : {&entry.endpoints.cluster, &entry.endpoints.local}) {
    for (const SocketAddress& endpoint : *endpoints) {
      if (service.backend_ids.contains(endpoint)) continue;
      const auto known = before.backend_ids.find(endpoint);
      service.backend_ids[endpoint] =
          known != before.backend_ids.end() ? known->second : ++last_id_;
    }
  }

  const bool with_members = entry.affinity_timeout_seconds != 0;
  auto cluster =
      write_set(entry.endpoints.cluster, with_members, before.cluster, service, transaction);
  if (!cluster) return tl::unexpected(cluster.error());
  auto local = write_set(entry.endpoints.local, with_members, before.local, service, transaction);
  if (!local) return tl::unexpected(local.error());
  auto ranges = write_ranges(entry, before.source_ranges, transaction);
  if (!ranges) return tl::unexpected(ranges.error());
  service.cluster = std::move(*cluster);
  service.local = std::move(*local);
  service.source_ranges = std::move(*ranges);
  return service;
}

Result<ServiceMaps::Set> ServiceMaps::write_set(const std::vector<SocketAddress>& endpoints,
                                                bool with_members, const Set& before,
                                                const ProgrammedService& service,
                                                MapTransaction& transaction) {
  Set set{.id = 0, .endpoints = endpoints, .backend_ids = {}, .with_members = with_members};
  for (const SocketAddress& endpoint : endpoints) {
    set.backend_ids.push_back(service.backend_ids.at(endpoint));
  }
  if (endpoints.empty()) return set;
  if (before.endpoints == set.endpoints && before.backend_ids == set.backend_ids &&
      before.with_members == with_members) {
    return before;
  }
  set.id = ++last_id_;
  for (uint32_t index = 0; index < endpoints.size(); ++index) {
    const abi::backend_key key{.set = set.id, .index = index};
    abi::backend backend{};
    backend.address = to_abi(endpoints[index].address);
    backend.port = htons(endpoints[index].port);
    backend.id = set.backend_ids[index];
    if (auto written = transaction.insert(maps_.backends, key, backend); !written) {
      return tl::unexpected(written.error());
    }
    if (!with_members) continue;
    const abi::member_key member{.set = set.id, .backend_id = backend.id};
    if (auto written = transaction.insert(maps_.members, member, index); !written) {
      return tl::unexpected(written.error());
    }
  }
  return set;
}

Result<ServiceMaps::RangeList> ServiceMaps::write_ranges(const ServiceEntry& entry,
                                                         const RangeList& before,
                                                         MapTransaction& transaction) {
  std::vector<Cidr> ranges = ranges_of(entry);
  std::sort(ranges.begin(), ranges.end());
  ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
  if (ranges == before.ranges) return before;
  if (ranges.empty()) return RangeList{};
  const RangeList list{.id = ++last_id_, .ranges = std::move(ranges)};
  for (const Cidr& range : list.ranges) {
    auto written = transaction.insert(maps_.source_ranges, key_of(range, list.id), uint32_t{1});
    if (!written) return tl::unexpected(written.error());
  }
  return list;
}

// What goes, goes before what comes, so that a full map can still be turned over.
Result<void> ServiceMaps::switch_frontends(const Frontends& next, MapTransaction& transaction) {
  for (const auto& [key, before] : frontends_) {
    const auto after = next.find(key);
    Result<void> written;
    if (after == next.end()) {
      written = transaction.erase(maps_.frontends, key, before);
    } else if (!same(before, after->second)) {
      written = transaction.replace(maps_.frontends, key, before, after->second);
    }
    if (!written) return written;
  }
  for (const auto& [key, value] : next) {
    if (frontends_.contains(key)) continue;
    if (auto written = transaction.insert(maps_.frontends, key, value); !written) return written;
  }
  return {};
}

void ServiceMaps::remove_unused(const Services& next) {
  for (const auto& [name, before] : services_) {
    const auto after = next.find(name);
    const bool gone = after == next.end();
    if (gone || after->second.cluster.id != before.cluster.id) remove_set(before.cluster);
    if (gone || after->second.local.id != before.local.id) remove_set(before.local);
    if (!gone && after->second.source_ranges.id == before.source_ranges.id) continue;
    for (const Cidr& range : before.source_ranges.ranges) {
      std::ignore = maps_.source_ranges.erase(key_of(range, before.source_ranges.id));
    }
  }
}

void ServiceMaps::remove_set(const Set& set) {
  if (set.id == 0) return;
  for (uint32_t index = 0; index < set.endpoints.size(); ++index) {
    std::ignore = maps_.backends.erase({.set = set.id, .index = index});
    if (!set.with_members) continue;
    std::ignore = maps_.members.erase({.set = set.id, .backend_id = set.backend_ids[index]});
  }
}

std::string ServiceMaps::service_name(uint32_t service_id) const {
  const auto found = names_.find(service_id);
  return found == names_.end() ? std::string() : found->second;
}

}  // namespace kubeproof::control
