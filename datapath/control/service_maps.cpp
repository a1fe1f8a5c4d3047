#include "datapath/control/service_maps.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "datapath/control/abi_address.h"
#include "datapath/control/running_programs.h"

namespace kubeproof::control {
namespace {

abi::frontend_key key_of(const FrontendPlace& place) {
  abi::frontend_key key{};
  key.address = to_abi(place.at.address);
  key.port = htons(place.at.port);
  key.protocol = place.protocol;
  key.family = to_abi(place.family);
  key.kind = static_cast<uint8_t>(place.kind);
  return key;
}

abi::frontend_key key_in_list(uint32_t list, size_t index) {
  abi::frontend_key key{};
  key.kind = abi::FRONTEND_LISTED;
  key.address.words[0] = list;
  key.address.words[1] = static_cast<uint32_t>(index + 1);
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

bool is_frontend(const abi::frontend& frontend) {
  return frontend.service_id != 0;
}

bool equal(const std::vector<abi::frontend>& a, const std::vector<abi::frontend>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]) == 0);
}

// The frontends of one port that are guarded at all are guarded alike.
std::vector<Cidr> ranges_of(const ServiceEntry& entry) {
  for (const Frontend& frontend : entry.frontends) {
    if ((frontend.flags & abi::FRONTEND_SOURCE_RANGES) == 0) continue;
    std::vector<Cidr> ranges = frontend.source_ranges;
    std::sort(ranges.begin(), ranges.end());
    ranges.erase(std::unique(ranges.begin(), ranges.end()), ranges.end());
    return ranges;
  }
  return {};
}

}  // namespace

void ServiceMaps::Counts::add(const Set& set, int sign) {
  const auto size = static_cast<int64_t>(set.endpoints.size());
  backends += sign * size;
  if (set.with_members) members += sign * size;
}

void ServiceMaps::Counts::add(const ProgrammedService& service, int sign) {
  add(service.cluster, sign);
  add(service.local, sign);
  source_ranges += sign * static_cast<int64_t>(service.source_ranges.ranges.size());
}

void ServiceMaps::Counts::add(const FrontendList& list, int sign) {
  frontends += sign * static_cast<int64_t>(list.frontends.size());
}

Result<void> ServiceMaps::prepare(TableChange change, MapTransaction& transaction) {
  prepared_.reset();
  remove_retired();
  auto plan = make_plan(change);
  if (!plan) return tl::unexpected(plan.error());
  if (auto room = make_room(*plan); !room) return room;
  if (auto written = write(*plan, transaction); !written) return written;
  const auto is_seen = write_frontends(change, *plan, transaction);
  if (!is_seen) return tl::unexpected(is_seen.error());
  prepared_.emplace(Prepared{std::move(change), *std::move(plan), *is_seen});
  return {};
}

Result<ServiceMaps::Plan> ServiceMaps::make_plan(const TableChange& change) {
  Plan plan;
  plan.at_rest = counts_;
  plan.on_the_way = counts_;
  for (const auto& [name, entry] : change.services) {
    const auto known = services_.find(name);
    const ProgrammedService* before = known == services_.end() ? nullptr : &known->second;
    if (before != nullptr) plan.at_rest.add(*before, -1);
    if (entry) plan_service(*entry, before, plan);
  }
  plan_frontends(change, plan);
  // Each service, endpoint, set and list takes one, and states are numbered, too.
  constexpr uint32_t kLast = std::numeric_limits<uint32_t>::max();
  if (last_id_ > kLast / 2 || state_ == kLast) {
    return environment_error("identifiers are used up: the datapath has to be loaded anew");
  }
  return plan;
}

void ServiceMaps::plan_frontends(const TableChange& change, Plan& plan) {
  for (const auto& [place, owners] : change.frontends) {
    const abi::frontend_key key = key_of(place);
    const auto versions = maps_.frontends.find(key);
    const bool is_there = versions && is_frontend(versions->after);
    if (owners.empty() && is_there) {
      plan.going.push_back(key);
      --plan.at_rest.frontends;
    } else if (!owners.empty() && !is_there) {
      ++plan.at_rest.frontends;
      ++plan.on_the_way.frontends;
    }
    plan_list(place, owners, plan);
  }
}

void ServiceMaps::plan_list(const FrontendPlace& place, const std::vector<FrontendOwner>& owners,
                            Plan& plan) {
  const FrontendList& before = list_at(place);
  plan.at_rest.add(before, -1);
  if (owners.size() < 2) return;
  FrontendList& list = plan.lists[place];
  for (auto owner = owners.begin() + 1; owner != owners.end(); ++owner) {
    list.frontends.push_back(frontend(*owner, plan));
  }
  plan.at_rest.add(list, 1);
  if (equal(list.frontends, before.frontends)) {
    list.id = before.id;
    return;
  }
  list.id = ++last_id_;
  plan.new_lists.push_back(&list);
  plan.on_the_way.add(list, 1);
}

const ServiceMaps::FrontendList& ServiceMaps::list_at(const FrontendPlace& place) const {
  static const FrontendList kEmpty;
  const auto found = lists_.find(place);
  return found == lists_.end() ? kEmpty : found->second;
}

void ServiceMaps::plan_service(const ServiceEntry& entry, const ProgrammedService* before,
                               Plan& plan) {
  const bool has_affinity = entry.affinity_timeout_seconds != 0;
  std::map<SocketAddress, uint32_t> backend_ids;
  // Affinity that begins anew knows nothing of the one before.
  if (before != nullptr && before->has_affinity == has_affinity) {
    for (const Set* set : {&before->cluster, &before->local}) {
      for (size_t i = 0; i < set->endpoints.size(); ++i) {
        backend_ids.emplace(set->endpoints[i], set->backend_ids[i]);
      }
    }
  }
  for (const auto* endpoints : {&entry.endpoints.cluster, &entry.endpoints.local}) {
    for (const SocketAddress& endpoint : *endpoints) {
      if (backend_ids.try_emplace(endpoint, last_id_ + 1).second) ++last_id_;
    }
  }

  ProgrammedService& service = plan.services[entry.name];
  service.id = before != nullptr ? before->id : ++last_id_;
  service.has_affinity = has_affinity;
  const auto plan_one = [&](Set ProgrammedService::*which,
                            const std::vector<SocketAddress>& endpoints) {
    const Set* former = before != nullptr ? &(before->*which) : nullptr;
    Set& set = service.*which;
    set = plan_set(endpoints, has_affinity, former, backend_ids);
    if (set.id == 0 || (former != nullptr && former->id == set.id)) return;
    plan.new_sets.push_back(&set);
    plan.on_the_way.add(set, 1);
  };
  plan_one(&ProgrammedService::cluster, entry.endpoints.cluster);
  plan_one(&ProgrammedService::local, entry.endpoints.local);

  std::vector<Cidr> ranges = ranges_of(entry);
  if (before != nullptr && before->source_ranges.ranges == ranges) {
    service.source_ranges = before->source_ranges;
  } else if (!ranges.empty()) {
    service.source_ranges = {.id = ++last_id_, .ranges = std::move(ranges)};
    plan.new_ranges.push_back(&service.source_ranges);
    plan.on_the_way.source_ranges += static_cast<int64_t>(service.source_ranges.ranges.size());
  }
  plan.at_rest.add(service, 1);
}

ServiceMaps::Set ServiceMaps::plan_set(const std::vector<SocketAddress>& endpoints,
                                       bool with_members, const Set* before,
                                       const std::map<SocketAddress, uint32_t>& backend_ids) {
  if (endpoints.empty()) return {};
  if (before != nullptr && before->endpoints == endpoints && before->with_members == with_members) {
    return *before;
  }
  Set set{
      .id = ++last_id_, .endpoints = endpoints, .backend_ids = {}, .with_members = with_members};
  set.backend_ids.reserve(endpoints.size());
  for (const SocketAddress& endpoint : endpoints)
    set.backend_ids.push_back(backend_ids.at(endpoint));
  return set;
}

// New sets and lists stand beside those that they replace until frontends are switched, and a
// little longer.
Result<void> ServiceMaps::make_room(const Plan& plan) {
  if (auto enough = check_room(plan.at_rest, "this cluster needs"); !enough) return enough;
  Counts beside = plan.on_the_way;
  beside.frontends += retired_counts_.frontends;
  beside.backends += retired_counts_.backends;
  beside.members += retired_counts_.members;
  beside.source_ranges += retired_counts_.source_ranges;
  if (check_room(beside, "")) return {};
  if (!retired_.empty()) {
    wait_for_running_programs();
    for (const Retired& retired : retired_) remove(retired);
    retired_.clear();
  }
  return check_room(plan.on_the_way, "the old and the new services, side by side, need");
}

Result<void> ServiceMaps::check_room(const Counts& counts, const char* when) const {
  const auto check = [&](const auto& map, int64_t needed) -> Result<void> {
    if (needed <= static_cast<int64_t>(map.max_entries())) return {};
    return environment_error("BPF map '{}' holds {} entries, and {} {}", map.name(),
                             map.max_entries(), when, needed);
  };
  if (auto fits = check(maps_.frontends, counts.frontends); !fits) return fits;
  if (auto fits = check(maps_.backends, counts.backends); !fits) return fits;
  if (auto fits = check(maps_.members, counts.members); !fits) return fits;
  return check(maps_.source_ranges, counts.source_ranges);
}

Result<void> ServiceMaps::write(const Plan& plan, MapTransaction& transaction) {
  if (auto written = write_sets(plan, transaction); !written) return written;
  if (auto written = write_lists(plan, transaction); !written) return written;
  for (const RangeList* list : plan.new_ranges) {
    for (const Cidr& range : list->ranges) {
      auto written = transaction.insert(maps_.source_ranges, key_of(range, list->id), uint32_t{1});
      if (!written) return written;
    }
  }
  return {};
}

Result<void> ServiceMaps::write_sets(const Plan& plan, MapTransaction& transaction) {
  for (const Set* set : plan.new_sets) {
    for (uint32_t index = 0; index < set->endpoints.size(); ++index) {
      abi::backend backend{};
      backend.address = to_abi(set->endpoints[index].address);
      backend.port = htons(set->endpoints[index].port);
      backend.id = set->backend_ids[index];
      const abi::backend_key key{.set = set->id, .index = index};
      auto written = transaction.insert(maps_.backends, key, backend);
      if (!written) return written;
      if (!set->with_members) continue;
      const abi::member_key member{.set = set->id, .backend_id = backend.id};
      written = transaction.insert(maps_.members, member, index);
      if (!written) return written;
    }
  }
  return {};
}

Result<void> ServiceMaps::write_lists(const Plan& plan, MapTransaction& transaction) {
  for (const FrontendList* list : plan.new_lists) {
    for (size_t i = 0; i < list->frontends.size(); ++i) {
      abi::frontend value = list->frontends[i];
      value.others = i + 1 < list->frontends.size() ? list->id : 0;
      const abi::frontend_versions in_all_states{.before = {}, .after = value, .since = 0};
      auto written = transaction.insert(maps_.frontends, key_in_list(list->id, i), in_all_states);
      if (!written) return written;
    }
  }
  return {};
}

Result<bool> ServiceMaps::write_frontends(const TableChange& change, const Plan& plan,
                                          MapTransaction& transaction) {
  bool any = false;
  for (const auto& [place, owners] : change.frontends) {
    const abi::frontend_key key = key_of(place);
    const auto present = maps_.frontends.find(key);  // make_room() may have removed it
    const abi::frontend before = present ? present->after : abi::frontend{};
    const abi::frontend after = owners.empty() ? abi::frontend{} : entry(place, owners, plan);
    if (std::memcmp(&before, &after, sizeof after) == 0) continue;
    const abi::frontend_versions versions{.before = before, .after = after, .since = state_ + 1};
    const auto written = present ? transaction.replace(maps_.frontends, key, *present, versions)
                                 : transaction.insert(maps_.frontends, key, versions);
    if (!written) return tl::unexpected(written.error());
    any = true;
  }
  return any;
}

abi::frontend ServiceMaps::entry(const FrontendPlace& place,
                                 const std::vector<FrontendOwner>& owners, const Plan& plan) const {
  abi::frontend first = frontend(owners.front(), plan);
  if (owners.size() > 1) first.others = plan.lists.at(place).id;
  return first;
}

abi::frontend ServiceMaps::frontend(const FrontendOwner& owner, const Plan& plan) const {
  const auto changed = plan.services.find(owner.service);
  const ProgrammedService& service =
      changed != plan.services.end() ? changed->second : services_.at(owner.service);
  abi::frontend value{};
  value.service_id = service.id;
  value.flags = owner.flags;
  value.cluster_set = service.cluster.id;
  value.cluster_count = static_cast<uint32_t>(service.cluster.endpoints.size());
  value.local_set = service.local.id;
  value.local_count = static_cast<uint32_t>(service.local.endpoints.size());
  value.affinity_timeout = owner.affinity_timeout_seconds;
  const bool guarded = (owner.flags & abi::FRONTEND_SOURCE_RANGES) != 0;
  value.source_ranges = guarded ? service.source_ranges.id : 0;
  return value;
}

void ServiceMaps::take_over() {
  if (!prepared_) return;
  state_ = next_state();
  auto [change, plan, is_seen] = *std::exchange(prepared_, std::nullopt);
  counts_ = plan.at_rest;
  for (const abi::frontend_key& key : plan.going) {
    retire({.since = Clock::now(), .gone = Gone{.key = key, .since = state_}});
  }
  take_over_lists(change, plan);
  for (const auto& [name, entry] : change.services) {
    const auto before = services_.find(name);
    const auto after = plan.services.find(name);
    if (before != services_.end()) {
      retire(before->second, after == plan.services.end() ? nullptr : &after->second);
    }
    if (after != plan.services.end()) {
      const auto now = services_.insert_or_assign(name, std::move(after->second)).first;
      names_[now->second.id] = &now->first;
    } else if (before != services_.end()) {
      names_.erase(before->second.id);
      services_.erase(before);
    }
  }
}

void ServiceMaps::take_over_lists(const TableChange& change, Plan& plan) {
  for (const auto& [place, owners] : change.frontends) {
    const auto before = lists_.find(place);
    const auto after = plan.lists.find(place);
    const bool stays = after != plan.lists.end() && after->second.id == list_at(place).id;
    if (before != lists_.end() && !stays) {
      retire({.since = Clock::now(), .frontends = std::move(before->second)});
      lists_.erase(before);
    }
    if (after != plan.lists.end()) lists_.insert_or_assign(place, std::move(after->second));
  }
}

void ServiceMaps::retire(Retired retired) {
  retired_counts_.add(retired.set, 1);
  retired_counts_.add(retired.frontends, 1);
  if (retired.gone) ++retired_counts_.frontends;
  retired_counts_.source_ranges += static_cast<int64_t>(retired.ranges.ranges.size());
  retired_.push_back(std::move(retired));
}

void ServiceMaps::retire(const ProgrammedService& before, const ProgrammedService* after) {
  for (const auto which : {&ProgrammedService::cluster, &ProgrammedService::local}) {
    const Set& set = before.*which;
    if (set.id != 0 && (after == nullptr || (after->*which).id != set.id)) {
      retire({.since = Clock::now(), .set = set});
    }
  }
  const RangeList& ranges = before.source_ranges;
  if (ranges.id != 0 && (after == nullptr || after->source_ranges.id != ranges.id)) {
    retire({.since = Clock::now(), .ranges = ranges});
  }
}

void ServiceMaps::remove_retired() {
  const auto over = std::find_if(retired_.begin(), retired_.end(), [](const Retired& retired) {
    return Clock::now() < retired.since + kProgramsAreOver;
  });
  std::for_each(retired_.begin(), over, [this](const Retired& retired) { remove(retired); });
  retired_.erase(retired_.begin(), over);
}

void ServiceMaps::remove(const Retired& retired) {
  const Set& set = retired.set;
  for (uint32_t index = 0; index < set.endpoints.size(); ++index) {
    std::ignore = maps_.backends.erase({.set = set.id, .index = index});
    if (!set.with_members) continue;
    std::ignore = maps_.members.erase({.set = set.id, .backend_id = set.backend_ids[index]});
  }
  for (const Cidr& range : retired.ranges.ranges) {
    std::ignore = maps_.source_ranges.erase(key_of(range, retired.ranges.id));
  }
  const FrontendList& list = retired.frontends;
  for (size_t i = 0; i < list.frontends.size(); ++i) {
    std::ignore = maps_.frontends.erase(key_in_list(list.id, i));
  }
  if (const auto& gone = retired.gone) {
    // Another may be there by then.
    const auto versions = maps_.frontends.find(gone->key);
    if (versions && versions->since == gone->since) std::ignore = maps_.frontends.erase(gone->key);
    --retired_counts_.frontends;
  }
  retired_counts_.add(set, -1);
  retired_counts_.add(list, -1);
  retired_counts_.source_ranges -= static_cast<int64_t>(retired.ranges.ranges.size());
}

std::string ServiceMaps::service_name(uint32_t service_id) const {
  const auto found = names_.find(service_id);
  return found == names_.end() ? std::string() : found->second->to_string();
}

}  // namespace kubeproof::control
