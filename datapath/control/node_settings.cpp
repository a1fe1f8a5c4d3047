#include "datapath/control/node_settings.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "datapath/control/abi_address.h"
#include "datapath/control/local_addresses.h"
#include "datapath/control/source_candidates.h"
#include "model/cluster/address_text.h"

namespace kubeproof::control {
namespace {

constexpr const char* kZoneLabel = "topology.kubernetes.io/zone";

const std::string& own_name(const World& world, const ProxyConfig& proxy) {
  return proxy.hostname_override.empty() ? world.node_name : proxy.hostname_override;
}

const Node* own_node(const World& world, const Cluster& cluster, const ProxyConfig& proxy) {
  const auto found = cluster.nodes.find({"", own_name(world, proxy)});
  return found == cluster.nodes.end() ? nullptr : &found->second;
}

std::optional<Cidr> first_of_family(const std::vector<std::string>& texts, Family family) {
  for (const std::string& text : texts) {
    const auto cidr = parse_sloppy_cidr(text);
    if (cidr && cidr->family() == family) return cidr;
  }
  return std::nullopt;
}

abi::family_settings prefix_detector(const std::optional<Cidr>& prefix) {
  abi::family_settings settings{};
  if (!prefix) return settings;
  settings.detector = abi::DETECTOR_PREFIX;
  settings.local_prefix = to_abi(prefix->base());
  settings.local_prefix_length = prefix->prefix_length();
  return settings;
}

abi::family_settings detector(const World& world, const Cluster& cluster, const ProxyConfig& proxy,
                              Family family) {
  switch (proxy.detect_local_mode) {
    case DetectLocalMode::kClusterCidr:
      return prefix_detector(first_of_family(proxy.cluster_cidrs, family));
    case DetectLocalMode::kNodeCidr: {
      const Node* node = own_node(world, cluster, proxy);
      if (node != nullptr) return prefix_detector(first_of_family(node->pod_cidrs, family));
      const auto own = std::find_if(world.pod_cidrs.begin(), world.pod_cidrs.end(),
                                    [&](const Cidr& cidr) { return cidr.family() == family; });
      return prefix_detector(own == world.pod_cidrs.end() ? std::nullopt : std::optional(*own));
    }
    case DetectLocalMode::kBridgeInterface:
    case DetectLocalMode::kInterfaceNamePrefix:
      break;
  }
  abi::family_settings by_interface{};
  by_interface.detector = abi::DETECTOR_INTERFACE;
  return by_interface;
}

bool carries_local_traffic(const Interface& interface, const ProxyConfig& proxy) {
  switch (proxy.detect_local_mode) {
    case DetectLocalMode::kBridgeInterface:
      return interface.name == proxy.bridge_interface;
    case DetectLocalMode::kInterfaceNamePrefix:
      return interface.name.starts_with(proxy.interface_name_prefix);
    default:
      return false;
  }
}

// nodePortAddresses of one family (pkg/proxy/util/nodeport_addresses.go). Nothing of the family
// means everything.
class NodePortAddresses {
 public:
  NodePortAddresses(const World& world, const Cluster& cluster, const ProxyConfig& proxy,
                    Family family) {
    for (const std::string& text : proxy.node_port_addresses) {
      auto cidr = parse_sloppy_cidr(text);
      if (text == "primary") {
        const auto own = node_ip(world, cluster, proxy, family);
        if (own && !own->is_loopback()) cidr = Cidr::host(*own);
      }
      if (cidr && cidr->family() == family) cidrs_.push_back(*cidr);
    }
    if (cidrs_.empty()) cidrs_.push_back(Cidr(IpAddress::unspecified(family), 0));
  }

  bool everything() const {
    return std::any_of(cidrs_.begin(), cidrs_.end(),
                       [](const Cidr& cidr) { return cidr.prefix_length() == 0; });
  }
  bool contains_ipv4_loopback() const {
    const IpAddress loopback_network = IpAddress::v4(0x7f000000);
    return std::any_of(cidrs_.begin(), cidrs_.end(), [&](const Cidr& cidr) {
      return cidr.contains(loopback_network) || (cidr.base().is_v4() && cidr.base().is_loopback());
    });
  }
  bool contains(const IpAddress& address) const {
    return std::any_of(cidrs_.begin(), cidrs_.end(),
                       [&](const Cidr& cidr) { return cidr.contains(address); });
  }

 private:
  std::vector<Cidr> cidrs_;
};

// The route by which the kernel would send what is for an IPv6 address out of the interface, where
// only those count that this one has alone (rt6_need_strict(), net/ipv6/route.c).
const Route* strict_route(const World& world, const Interface& interface,
                          const IpAddress& address) {
  const Route* best = nullptr;
  for (const Route& route : world.routes) {
    const Cidr& destination = route.destination;
    if (route.interface != interface.index || route.type != RouteType::kUnicast ||
        destination.family() != Family::kIpv6 || !destination.contains(address)) {
      continue;
    }
    const auto rank = [](const Route& one) {
      return std::pair(-one.destination.prefix_length(), int64_t{one.metric});
    };
    if (best == nullptr || rank(route) < rank(*best)) best = &route;
  }
  return best;
}

void fill_strict_routes(const World& world, const Interface& interface,
                        abi::interface_settings& settings) {
  constexpr uint32_t kSmallestMtu = 1280, kLargestMtu = 65535;
  settings.ipv6_mtu = static_cast<uint16_t>(std::clamp(interface.mtu, kSmallestMtu, kLargestMtu));
  if (interface.kind == InterfaceKind::kLoopback) return;
  const auto fill = [&](const char* address, uint32_t flag, abi::address& next_hop) {
    const Route* route = strict_route(world, interface, *IpAddress::parse(address));
    if (route == nullptr) return;
    settings.flags |= flag;
    if (route->gateway) next_hop = to_abi(*route->gateway);
  };
  fill("::1", abi::INTERFACE_LEADS_TO_LOOPBACK, settings.loopback_next_hop);
  // Of a link, all have one route: fe80::/64, or where there is no such address the default.
  fill("fe80::1", abi::INTERFACE_LEADS_TO_LINK, settings.link_next_hop);
}

bool gateways_name_source(const World& world, const Interface& interface) {
  bool any = false, all = true;
  for (const Route& route : world.routes) {
    const bool by_gateway = route.interface == interface.index && route.gateway &&
                            route.destination.family() == Family::kIpv6;
    any |= by_gateway;
    all &= !by_gateway || route.preferred_source;
  }
  return any && all;
}

uint32_t seconds_of(std::chrono::seconds duration) {
  constexpr std::chrono::seconds kMost{UINT32_MAX};
  return static_cast<uint32_t>(std::min(duration, kMost).count());
}

}  // namespace

NodePlace node_place(const World& world, const Cluster& cluster, const ProxyConfig& proxy) {
  NodePlace place{.name = own_name(world, proxy), .zone = {}};
  if (const Node* node = own_node(world, cluster, proxy)) {
    const auto zone = node->labels.find(kZoneLabel);
    if (zone != node->labels.end()) place.zone = zone->second;
  }
  return place;
}

std::optional<IpAddress> node_ip(const World& world, const Cluster& cluster,
                                 const ProxyConfig& proxy, Family family) {
  const auto bound = parse_sloppy_address(proxy.bind_address);
  if (bound && bound->family() == family && !bound->is_unspecified()) return bound;
  if (const Node* node = own_node(world, cluster, proxy)) {
    for (const char* type : {"InternalIP", "ExternalIP"}) {
      for (const NodeAddress& candidate : node->addresses) {
        const auto address = parse_sloppy_address(candidate.address);
        if (candidate.type == type && address && address->family() == family) return address;
      }
    }
  }
  return std::nullopt;
}

abi::settings make_settings(const World& world, const Cluster& cluster, const ProxyConfig& proxy) {
  const NodePortAddresses ipv4(world, cluster, proxy, Family::kIpv4);
  const bool localhost = proxy.localhost_node_ports && ipv4.contains_ipv4_loopback();
  abi::settings settings{};
  settings.ipv4 = detector(world, cluster, proxy, Family::kIpv4);
  settings.ipv6 = detector(world, cluster, proxy, Family::kIpv6);
  const auto set = [&](bool on, uint32_t flag) { settings.flags |= on ? flag : 0; };
  set(proxy.masquerade_all, abi::SETTING_MASQUERADE_ALL);
  set(localhost, abi::SETTING_LOCALHOST_NODE_PORTS);
  set(localhost && ipv4.everything(), abi::SETTING_NODE_PORTS_ON_ALL_LOOPBACK);
  set(!proxy.tcp_be_liberal && !world.sysctls.tcp_be_liberal, abi::SETTING_DROP_INVALID);
  set(world.sysctls.tcp_loose, abi::SETTING_TCP_LOOSE);
  set(world.sysctls.route_localnet, abi::SETTING_ROUTE_LOCALNET);
  set(world.sysctls.accept_local, abi::SETTING_ACCEPT_LOCAL);
  set(world.sysctls.ip_forward, abi::SETTING_FORWARDS);
  set(has_further_local_routes(world, Family::kIpv4), abi::SETTING_FURTHER_LOCAL_ROUTES);
  const FlowTimeouts& timeouts = world.sysctls.timeouts;
  settings.tcp_established_timeout = seconds_of(timeouts.tcp_established);
  settings.tcp_close_wait_timeout = seconds_of(timeouts.tcp_close_wait);
  settings.udp_timeout = seconds_of(timeouts.udp);
  settings.udp_stream_timeout = seconds_of(timeouts.udp_stream);
  return settings;
}

std::map<uint32_t, abi::interface_settings> make_interface_settings(const World& world,
                                                                    const ProxyConfig& proxy) {
  constexpr uint32_t kEthernetHeader = 14;
  std::map<uint32_t, abi::interface_settings> result;
  for (const Interface& interface : world.interfaces) {
    abi::interface_settings settings{};
    settings.link_header_length = kEthernetHeader;
    if (interface.kind == InterfaceKind::kLoopback) settings.flags |= abi::INTERFACE_LOOPBACK;
    if (carries_local_traffic(interface, proxy)) settings.flags |= abi::INTERFACE_LOCAL_TRAFFIC;
    if (gateways_name_source(world, interface)) {
      settings.flags |= abi::INTERFACE_GATEWAYS_NAME_SOURCE;
    }
    fill_strict_routes(world, interface, settings);
    fill_source_candidates(world, interface, Family::kIpv4, settings.ipv4);
    fill_source_candidates(world, interface, Family::kIpv6, settings.ipv6);
    result.emplace(interface.index, settings);
  }
  return result;
}

LocalAddresses make_local_addresses(const World& world, const Cluster& cluster,
                                    const ProxyConfig& proxy) {
  const NodePortAddresses ipv4(world, cluster, proxy, Family::kIpv4);
  const NodePortAddresses ipv6(world, cluster, proxy, Family::kIpv6);
  const bool localhost = proxy.localhost_node_ports && ipv4.contains_ipv4_loopback();
  LocalAddresses result = local_addresses(world);
  for (auto& [address, entry] : result) {
    const NodePortAddresses& wanted = address.is_v4() ? ipv4 : ipv6;
    // Whatever is of type LOCAL, or those addresses of interfaces that are listed.
    const bool listed = wanted.everything() ? (entry.flags & abi::LOCAL_ADDRESS_SHARED) == 0
                                            : (entry.flags & abi::LOCAL_ADDRESS_CONFIGURED) != 0 &&
                                                  wanted.contains(address);
    const bool usable = !address.is_loopback() || (address.is_v4() && localhost);
    if (listed && usable) entry.flags |= abi::LOCAL_ADDRESS_NODE_PORTS;
  }
  return result;
}

// nodePortAddresses choose among addresses of interfaces.
LocalPrefixes make_local_prefixes(const World& world, const Cluster& cluster,
                                  const ProxyConfig& proxy) {
  const NodePortAddresses ipv4(world, cluster, proxy, Family::kIpv4);
  const NodePortAddresses ipv6(world, cluster, proxy, Family::kIpv6);
  LocalPrefixes result = local_prefixes(world);
  for (auto& [prefix, entry] : result) {
    const NodePortAddresses& wanted = prefix.family() == Family::kIpv4 ? ipv4 : ipv6;
    if (wanted.everything()) entry.flags |= abi::LOCAL_ADDRESS_NODE_PORTS;
  }
  return result;
}

}  // namespace kubeproof::control
