#include "datapath/control/endpoint_sets.h"

#include <algorithm>
#include <map>

#include "model/cluster/address_text.h"

namespace kubeproof::control {
namespace {

constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
constexpr const char* kProxyNameLabel = "service.kubernetes.io/service-proxy-name";
constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

bool is_of_family(SliceAddressType type, Family family) {
  return type == (family == Family::kIpv4 ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6);
}

void add_slice(const EndpointSlice& slice, uint16_t port, Family family, const NodePlace& node,
               const Release& release, KnownEndpoints& candidates) {
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    if (endpoint.addresses.empty()) continue;
    const auto address = parse_sloppy_address(endpoint.addresses.front());
    if (!address || address->family() != family) continue;
    const SocketAddress at{*address, port};
    const bool here = !node.name.empty() && endpoint.node_name == node.name;
    const auto [existing, added] = candidates.try_emplace(at.to_string());
    // Of two with the same address, the one that is not going away counts, or that is here.
    const bool counts = release.local_duplicate_wins() ? here : !endpoint.terminating;
    if (!added && !counts) continue;
    existing->second = {.address = at, .endpoint = &endpoint, .on_this_node = here};
  }
}

// Those that are watched, and name a port.
template <class Visit>
void for_each_port(const std::vector<const EndpointSlice*>& slices, Family family,
                   const Release& release, Visit visit) {
  for (const EndpointSlice* slice : slices) {
    if (release.hides_both_kinds_alike() && slice->labels.contains(kProxyNameLabel)) continue;
    if (!is_of_family(slice->address_type, family)) continue;
    for (const SlicePort& port : slice->ports) {
      if (port.name && port.port.value_or(0) != 0) visit(*slice, port);
    }
  }
}

// Topology hints count when every ready endpoint has some and at least one is meant for us.
template <class HintsOf>
bool hints_apply(const std::vector<const KnownEndpoint*>& ready, const std::string& ours,
                 HintsOf hints_of) {
  const auto has_hints = [&](const KnownEndpoint* c) { return !hints_of(*c).empty(); };
  const auto is_ours = [&](const KnownEndpoint* c) { return lists(hints_of(*c), ours); };
  return std::all_of(ready.begin(), ready.end(), has_hints) &&
         std::any_of(ready.begin(), ready.end(), is_ours);
}

const std::vector<std::string>& node_hints(const KnownEndpoint& c) {
  return c.endpoint->node_hints;
}
const std::vector<std::string>& zone_hints(const KnownEndpoint& c) {
  return c.endpoint->zone_hints;
}

std::vector<const KnownEndpoint*> near(std::vector<const KnownEndpoint*> ready,
                                       const NodePlace& node, const Release& release) {
  const auto keep = [&](const std::string& ours, auto hints_of) {
    std::erase_if(ready, [&](const KnownEndpoint* c) { return !lists(hints_of(*c), ours); });
  };
  if (release.reads_hints_for_nodes() && hints_apply(ready, node.name, node_hints)) {
    keep(node.name, node_hints);
  } else if (hints_apply(ready, node.zone, zone_hints)) {
    keep(node.zone, zone_hints);
  }
  return ready;
}

template <class Predicate>
std::vector<const KnownEndpoint*> select(const KnownEndpoints& candidates, Predicate predicate) {
  std::vector<const KnownEndpoint*> selected;
  for (const auto& [id, candidate] : candidates) {
    if (predicate(candidate)) selected.push_back(&candidate);
  }
  return selected;
}

std::vector<SocketAddress> addresses(const std::vector<const KnownEndpoint*>& candidates) {
  std::vector<SocketAddress> result;
  result.reserve(candidates.size());
  for (const KnownEndpoint* candidate : candidates) result.push_back(candidate->address);
  return result;
}

}  // namespace

bool lists(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<ObjectKey> service_of(const EndpointSlice& slice) {
  if (slice.labels.contains(kHeadlessLabel)) return std::nullopt;
  const auto service = slice.labels.find(kServiceNameLabel);
  if (service == slice.labels.end() || service->second.empty()) return std::nullopt;
  return ObjectKey{slice.key.name_space, service->second};
}

std::map<std::pair<std::string, Protocol>, KnownEndpoints> known_endpoints(
    const std::vector<const EndpointSlice*>& slices, Family family, const NodePlace& node,
    const Release& release) {
  std::map<std::pair<std::string, Protocol>, KnownEndpoints> result;
  for_each_port(slices, family, release, [&](const EndpointSlice& slice, const SlicePort& port) {
    add_slice(slice, *port.port, family, node, release, result[{*port.name, port.protocol}]);
  });
  return result;
}

EndpointSets choose_endpoints(const std::vector<const EndpointSlice*>& slices, Family family,
                              const ServicePort& port, const NodePlace& node,
                              const Release& release) {
  KnownEndpoints candidates;
  for_each_port(slices, family, release, [&](const EndpointSlice& slice, const SlicePort& joins) {
    if (*joins.name != port.name || joins.protocol != port.protocol) return;
    add_slice(slice, *joins.port, family, node, release, candidates);
  });

  const auto ready = select(candidates, [](const KnownEndpoint& c) { return c.ready(); });
  const auto draining = select(candidates, [](const KnownEndpoint& c) { return c.draining(); });
  auto local =
      select(candidates, [](const KnownEndpoint& c) { return c.on_this_node && c.ready(); });
  if (local.empty()) {
    local =
        select(candidates, [](const KnownEndpoint& c) { return c.on_this_node && c.draining(); });
  }
  return {.cluster = addresses(ready.empty() ? draining : near(ready, node, release)),
          .local = addresses(local),
          .serving = addresses(
              select(candidates, [](const KnownEndpoint& c) { return c.endpoint->serving; })),
          .usable = !ready.empty() || !draining.empty()};
}

}  // namespace kubeproof::control
