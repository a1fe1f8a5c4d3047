#include "model/proxier/endpoints.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "model/cluster/address_text.h"

namespace kubeproof::proxier {
namespace {

constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";
constexpr const char* kServiceProxyNameLabel = "service.kubernetes.io/service-proxy-name";
constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

bool is_watched(const EndpointSlice& slice, Family family, Release release) {
  if (slice.labels.contains(kHeadlessLabel)) return false;
  if (release.labels_hide_both_kinds() && slice.labels.contains(kServiceProxyNameLabel)) {
    return false;
  }
  return slice.address_type ==
         (family == Family::kIpv4 ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6);
}

bool lists(const std::vector<std::string>& hints, const std::string& name) {
  return std::find(hints.begin(), hints.end(), name) != hints.end();
}

// net.JoinHostPort()
std::string id_of(const std::string& text, const SocketAddress& address, Release release) {
  if (address.address.is_v4() || !release.names_endpoints_by_text()) return address.to_string();
  return fmt::format("[{}]:{}", text, address.port);
}

Endpoint make_endpoint(const SliceEndpoint& from, const IpAddress& address, uint16_t port,
                       const NodeIdentity& node, Release release) {
  Endpoint endpoint;
  endpoint.address = {address, port};
  endpoint.id = id_of(from.addresses.front(), endpoint.address, release);
  endpoint.local = from.node_name && !node.name.empty() && *from.node_name == node.name;
  endpoint.ready = from.ready;
  endpoint.serving = from.serving;
  endpoint.terminating = from.terminating;
  if (release.honours_node_hints()) {
    endpoint.has_node_hints = !from.node_hints.empty();
    endpoint.hinted_to_node = lists(from.node_hints, node.name);
  }
  endpoint.has_zone_hints = !from.zone_hints.empty();
  endpoint.hinted_to_zone = lists(from.zone_hints, node.zone);
  return endpoint;
}

// Which of two endpoints with one id stays.
bool replaces(const Endpoint& later, Release release) {
  return release.terminating_duplicate_yields() ? !later.terminating : later.local;
}

// Those of one service port, while slices are still being read.
struct Collected {
  std::vector<Endpoint> endpoints;
  std::unordered_map<std::string, size_t> place_of;  // by id, or by address

  void add(Endpoint endpoint, Release release) {
    const std::string key =
        release.keeps_one_port_of_an_address() ? endpoint.address.address.to_string() : endpoint.id;
    const auto [known, added] = place_of.try_emplace(key, endpoints.size());
    if (added) {
      endpoints.push_back(std::move(endpoint));
    } else if (replaces(endpoint, release)) {
      endpoints[known->second] = std::move(endpoint);
    }
  }
};

}  // namespace

EndpointsByPort endpoints_by_port(const Cluster& cluster, Family family, const NodeIdentity& node,
                                  Release release) {
  std::map<ServicePortName, Collected> collected;
  for (const auto& [key, slice] : cluster.endpoint_slices) {
    const auto service = slice.labels.find(kServiceNameLabel);
    if (!is_watched(slice, family, release) || service == slice.labels.end() ||
        service->second.empty()) {
      continue;
    }
    for (const SlicePort& port : slice.ports) {
      if (!port.name || port.port.value_or(0) == 0) continue;
      Collected& into = collected[{{key.name_space, service->second}, *port.name, port.protocol}];
      for (const SliceEndpoint& endpoint : slice.endpoints) {
        if (endpoint.addresses.empty()) continue;
        if (!endpoint.ready && !release.knows_unready_endpoints()) continue;
        const auto address = parse_sloppy_address(endpoint.addresses.front());
        if (!address || address->family() != family) continue;
        into.add(make_endpoint(endpoint, *address, *port.port, node, release), release);
      }
    }
  }
  EndpointsByPort result;
  for (auto& [name, of_port] : collected) {
    std::sort(of_port.endpoints.begin(), of_port.endpoints.end(),
              [](const Endpoint& a, const Endpoint& b) { return a.id < b.id; });
    result.emplace_hint(result.end(), name, std::move(of_port.endpoints));
  }
  return result;
}

}  // namespace kubeproof::proxier
