#include "model/node/ingress_index.h"

#include <utility>
#include <vector>

namespace kubeproof {

IngressIndex::IngressIndex(const World& world) : uplink_(world.uplink().index) {
  for (const Interface& interface : world.interfaces) {
    for (const InterfaceAddress& address : interface.addresses) own_.insert(address.address);
  }
  std::vector<PrefixMap<Way>::Item> ways;
  for (const Route& route : world.routes) {
    const Interface* out =
        route.type == RouteType::kUnicast ? world.find_interface(route.interface) : nullptr;
    const bool leads_out = out != nullptr && out->kind != InterfaceKind::kLoopback;
    ways.push_back({route.destination, {route.metric, leads_out ? out->index : uplink_}});
  }
  ways_ = PrefixMap<Way>(std::move(ways),
                         [](const Way& a, const Way& b) { return a.metric < b.metric; });
}

Ingress IngressIndex::for_source(const IpAddress& source) const {
  if (source.is_loopback() || own_.contains(source)) return Ingress::host();
  const Way* way = ways_.find(source);
  return {way == nullptr ? uplink_ : way->interface};
}

}  // namespace kubeproof
