#include "datapath/control/node_maps.h"

#include <algorithm>
#include <utility>

#include "datapath/control/abi_address.h"
#include "datapath/control/node_settings.h"
#include "datapath/control/source_candidates.h"

namespace kubeproof::control {
namespace {

template <class T>
bool same_bytes(const T& a, const T& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

template <class Mirror>
bool same_entries(const Mirror& one, const Mirror& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const auto& a, const auto& b) {
                      return same_bytes(a.first, b.first) && same_bytes(a.second, b.second);
                    });
}

// `key_of`: the map's key for one of the mirror.
template <class Map, class Mirror, class KeyOf>
Result<void> write_differences(const Map& map, const Mirror& before, const Mirror& after,
                               KeyOf key_of, MapTransaction& transaction) {
  for (const auto& [key, value] : before) {
    if (after.contains(key)) continue;
    if (auto erased = transaction.erase(map, key_of(key), value); !erased) return erased;
  }
  for (const auto& [key, value] : after) {
    const auto old = before.find(key);
    Result<void> written;
    if (old == before.end()) {
      written = transaction.insert(map, key_of(key), value);
    } else if (!same_bytes(old->second, value)) {
      written = transaction.replace(map, key_of(key), old->second, value);
    }
    if (!written) return written;
  }
  return {};
}

Result<void> fits(const auto& map, size_t needed) {
  if (needed <= map.max_entries()) return {};
  return environment_error(
      "BPF map '{}' holds {} entries, and the node as it was and as it is to be need {}",
      map.name(), map.max_entries(), needed);
}

// Without their generation.
abi::local_address_key key_of(const IpAddress& address) {
  abi::local_address_key key{};
  key.prefix_length = LOCAL_ADDRESS_WHOLE;
  key.family = to_abi(address.family());
  key.address = to_abi(address);
  return key;
}

abi::local_address_key key_of(const Cidr& prefix) {
  abi::local_address_key key = key_of(prefix.base());
  key.prefix_length = LOCAL_ADDRESS_AHEAD + prefix.prefix_length();
  return key;
}

// Where there is no room for all, the best one may be among those left out.
Result<void> check_source_candidates(const World& world) {
  for (const Interface& interface : world.interfaces) {
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      abi::source_candidate candidates[SOURCE_CANDIDATES];
      const size_t count = fill_source_candidates(world, interface, family, candidates);
      if (count <= SOURCE_CANDIDATES) continue;
      return environment_error(
          "the programs choose the source of what is masqueraded among {} addresses, and for what "
          "leaves by '{}' there are {} of {}",
          SOURCE_CANDIDATES, interface.name, count, to_string(family));
    }
  }
  return {};
}

}  // namespace

bool NodeMaps::same(const Node& one, const Node& other) {
  return same_bytes(one.settings, other.settings) &&
         same_entries(one.interfaces, other.interfaces) &&
         same_entries(one.addresses, other.addresses) && same_entries(one.prefixes, other.prefixes);
}

NodeMaps::Node NodeMaps::make_node(const World& world, const Cluster& cluster,
                                   const ProxyConfig& proxy) const {
  Node node;
  node.settings = make_settings(world, cluster, proxy);
  node.settings.masquerade_mark = proxy.masquerade_mark();
  for (const auto& [interface, settings] : make_interface_settings(world, proxy)) {
    complete(interface, node.interfaces.emplace(interface, settings).first->second);
  }
  for (const auto& [address, entry] : make_local_addresses(world, cluster, proxy)) {
    node.addresses.emplace(key_of(address), entry);
  }
  for (const auto& [prefix, entry] : make_local_prefixes(world, cluster, proxy)) {
    node.prefixes.emplace(key_of(prefix), entry);
  }
  if (!node.prefixes.empty()) node.settings.flags |= abi::SETTING_LOCAL_PREFIXES;
  return node;
}

Result<void> NodeMaps::check_room(const Node& next) const {
  const Node& present = nodes_[generation_];
  const auto interfaces = next.interfaces.size() + present.interfaces.size();
  if (auto enough = fits(maps_.interfaces, interfaces); !enough) return enough;
  const auto prefixes = next.prefixes.size() + present.prefixes.size();
  if (auto enough = fits(maps_.local_prefixes, prefixes); !enough) return enough;
  return fits(maps_.local_addresses, next.addresses.size() + present.addresses.size());
}

Result<void> NodeMaps::prepare(const World& world, const Cluster& cluster, const ProxyConfig& proxy,
                               MapTransaction& transaction) {
  if (auto enough = check_source_candidates(world); !enough) return enough;
  return prepare(make_node(world, cluster, proxy), transaction);
}

Result<void> NodeMaps::prepare(Node next, MapTransaction& transaction) {
  next_.reset();
  if (same(next, nodes_[generation_])) return {};
  if (auto enough = check_room(next); !enough) return enough;
  if (auto written = write(next, transaction); !written) return written;
  next_ = std::move(next);
  return {};
}

Result<void> NodeMaps::write(const Node& next, MapTransaction& transaction) {
  const uint32_t generation = (generation_ + 1) % GENERATIONS;
  const Node& before = nodes_[generation];
  maps_.settings[generation] = next.settings;
  auto written = write_differences(
      maps_.interfaces, before.interfaces, next.interfaces,
      [&](uint32_t interface) {
        return abi::interface_key{.ifindex = interface, .generation = generation};
      },
      transaction);
  const auto with_generation = [&](abi::local_address_key key) {
    key.generation = static_cast<uint8_t>(generation);
    return key;
  };
  if (written) {
    written = write_differences(maps_.local_addresses, before.addresses, next.addresses,
                                with_generation, transaction);
  }
  if (written) {
    written = write_differences(maps_.local_prefixes, before.prefixes, next.prefixes,
                                with_generation, transaction);
  }
  return written;
}

uint32_t NodeMaps::next_generation() const {
  return next_ ? (generation_ + 1) % GENERATIONS : generation_;
}

void NodeMaps::take_over() {
  if (!next_) return;
  generation_ = next_generation();
  nodes_[generation_] = *std::exchange(next_, std::nullopt);
}

Result<void> NodeMaps::prepare_link(uint32_t interface, const Link& link,
                                    MapTransaction& transaction) {
  links_[interface] = link;
  return prepare_completed(interface, transaction);
}

Result<void> NodeMaps::prepare_xdp(uint32_t interface, uint32_t flags,
                                   MapTransaction& transaction) {
  xdp_flags_[interface] = flags;
  return prepare_completed(interface, transaction);
}

void NodeMaps::complete(uint32_t interface, abi::interface_settings& settings) const {
  constexpr uint32_t kXdp = abi::INTERFACE_XDP | abi::INTERFACE_XDP_REDIRECT;
  if (const auto link = links_.find(interface); link != links_.end()) {
    settings.link_header_length = link->second.header_length;
    std::copy(link->second.address.begin(), link->second.address.end(), settings.link_address);
  }
  if (const auto xdp = xdp_flags_.find(interface); xdp != xdp_flags_.end()) {
    settings.flags = (settings.flags & ~kXdp) | xdp->second;
  }
}

Result<void> NodeMaps::prepare_completed(uint32_t interface, MapTransaction& transaction) {
  Node next = nodes_[generation_];
  if (const auto known = next.interfaces.find(interface); known != next.interfaces.end()) {
    complete(interface, known->second);
  }
  return prepare(std::move(next), transaction);
}

}  // namespace kubeproof::control
