#include "datapath/control/node_maps.h"

#include <utility>

#include "datapath/control/abi_address.h"
#include "datapath/control/node_settings.h"

namespace kubeproof::control {
namespace {

// Between programs, on packets that one has redirected to the hook of another. Any bit that nobody
// else uses; kube-proxy's own is the masquerade bit.
uint32_t decided_mark(const ProxyConfig& proxy) {
  constexpr uint32_t kHighest = uint32_t{1} << 31;
  return proxy.masquerade_mark() == kHighest ? kHighest >> 1 : kHighest;
}

template <class Map, class Mirror>
Result<void> write_differences(const Map& map, const Mirror& before, const Mirror& after) {
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    if (old != before.end() && std::memcmp(&old->second, &value, sizeof value) == 0) continue;
    if (auto written = map.put(key, value); !written) return written;
  }
  for (const auto& [key, value] : before) {
    if (after.contains(key)) continue;
    if (auto erased = map.erase(key); !erased) return erased;
  }
  return {};
}

}  // namespace

Result<void> NodeMaps::program(const World& world, const Cluster& cluster,
                               const ProxyConfig& proxy) {
  auto interfaces = make_interface_settings(world, proxy);
  for (const auto& [interface, length] : link_headers_) {
    const auto known = interfaces.find(interface);
    if (known != interfaces.end()) known->second.link_header_length = length;
  }
  auto written = write_differences(maps_.interfaces, interfaces_, interfaces);
  if (!written) return written;
  interfaces_ = std::move(interfaces);

  decltype(local_addresses_) local_addresses;
  for (const auto& [address, entry] : make_local_addresses(world, cluster, proxy)) {
    abi::local_address_key key{};
    key.address = to_abi(address);
    key.family = to_abi(address.family());
    local_addresses[key].flags |= entry.flags;
  }
  written = write_differences(maps_.local_addresses, local_addresses_, local_addresses);
  if (!written) return written;
  local_addresses_ = std::move(local_addresses);

  abi::settings settings = make_settings(world, cluster, proxy);
  settings.masquerade_mark = proxy.masquerade_mark();
  settings.decided_mark = decided_mark(proxy);
  *maps_.settings = settings;
  return {};
}

Result<void> NodeMaps::set_link_header(uint32_t interface, uint32_t length) {
  link_headers_[interface] = length;
  const auto known = interfaces_.find(interface);
  if (known == interfaces_.end() || known->second.link_header_length == length) return {};
  known->second.link_header_length = length;
  return maps_.interfaces.put(interface, known->second);
}

}  // namespace kubeproof::control
