#include "datapath/control/endpoint_watch.h"

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>

namespace kubeproof::control {
namespace {

std::string hints(const std::vector<std::string>& names, const std::string& ours) {
  return names.empty() ? "none" : lists(names, ours) ? "ours" : "others'";
}

std::string text_of(const KnownEndpoint& known, const NodePlace& node, const Release& release) {
  const SliceEndpoint& endpoint = *known.endpoint;
  const std::string node_hints =
      release.reads_hints_for_nodes() ? hints(endpoint.node_hints, node.name) : "unread";
  return fmt::format(" {} {:d}{:d}{:d}{:d} {} {}", known.address.to_string(), known.on_this_node,
                     endpoint.ready, endpoint.serving, endpoint.terminating, node_hints,
                     hints(endpoint.zone_hints, node.zone));
}

}  // namespace

std::set<Family> EndpointWatch::note(const ObjectKey& service,
                                     const std::vector<const EndpointSlice*>& slices,
                                     const NodePlace& node, const Release& release) {
  SeenOfService now;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    std::string text;
    Seen seen;
    for (const auto& [port, endpoints] : known_endpoints(slices, family, node, release)) {
      const auto& [name, protocol] = port;
      text += fmt::format("\n{}/{}", name, protocol);
      for (const auto& [id, known] : endpoints) text += text_of(known, node, release);
      seen.has_udp = seen.has_udp || protocol == kUdp;
    }
    if (text.empty()) continue;
    seen.digest = std::hash<std::string>()(text);
    now.emplace(family, seen);
  }
  SeenOfService before;
  if (const auto found = services_.find(service); found != services_.end()) before = found->second;
  std::set<Family> changed;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const auto seen_in = [&](const SeenOfService& all) {
      const auto found = all.find(family);
      return found == all.end() ? Seen() : found->second;
    };
    const Seen then = seen_in(before);
    const Seen after = seen_in(now);
    if (then != after && (then.has_udp || after.has_udp)) changed.insert(family);
  }
  if (now.empty()) {
    services_.erase(service);
  } else {
    services_.insert_or_assign(service, std::move(now));
  }
  return changed;
}

}  // namespace kubeproof::control
