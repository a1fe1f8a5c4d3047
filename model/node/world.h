// The node's world: interfaces, addresses, routes and sysctls that every engine agrees on. Given as
// `ip -j addr` and `ip -j route` print it, or made by default from the node's addresses and pods
// (default_world.h).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/packet/address.h"

namespace kubeproof {

enum class InterfaceKind : uint8_t {
  kLoopback,
  kUplink,  // carries the node's addresses and the default route
  kPod,     // the host's end of a pod's link
  kOther,   // bridges, overlay devices, further uplinks
};

// Numbers are those of rtnetlink (RT_SCOPE_*).
enum class AddressScope : uint8_t { kGlobal = 0, kSite = 200, kLink = 253, kHost = 254 };

struct InterfaceAddress {
  IpAddress address;
  uint8_t prefix_length = 32;
  AddressScope scope = AddressScope::kGlobal;
  bool secondary = false;              // IFA_F_SECONDARY: not chosen as a source
  bool deprecated = false;             // IFA_F_DEPRECATED, IPv6: others are preferred as a source
  std::optional<IpAddress> broadcast;  // IPv4
  std::optional<IpAddress> peer;       // at the other end of a point-to-point link

  // What the kernel takes for the link's: of IPv4 the subnet of the peer (inet_ifa_match()).
  Cidr subnet() const { return {peer && address.is_v4() ? *peer : address, prefix_length}; }
};

struct Interface {
  uint32_t index = 0;  // the same number in every engine's namespace
  std::string name;
  InterfaceKind kind = InterfaceKind::kOther;
  uint32_t mtu = 1500;
  // net.ipv4.conf.NAME.accept_local and route_localnet, beside those of Sysctls; of route_localnet
  // only what it means for packets that come in there.
  bool accept_local = false;
  bool route_localnet = false;
  std::string master = {};  // the bridge (or bond, or VRF) that it is a port of; empty: none
  std::optional<std::array<uint8_t, 6>> mac;
  std::vector<InterfaceAddress> addresses;  // in the kernel's order, as `ip addr` prints them
};

enum class RouteType : uint8_t {
  kUnicast,
  kLocal,
  kBroadcast,
  kUnreachable,
  kBlackhole,
  kProhibit
};

// As `ip` writes them.
std::string_view to_string(AddressScope scope);
std::string_view to_string(RouteType type);

// What an IPv6 route has that was added without a metric (IP6_RT_PRIO_USER). IPv4 has 0.
constexpr uint32_t kUserMetric6 = 1024;

// A route of the main table. Routes to the node's own addresses (table local) follow from the
// addresses and are not listed.
struct Route {
  Cidr destination;
  RouteType type = RouteType::kUnicast;
  std::optional<IpAddress> gateway;
  uint32_t interface = 0;  // index; 0 where the type needs none
  uint32_t metric = 0;
  std::optional<IpAddress> preferred_source;
};

// net.netfilter.nf_conntrack_*timeout*, as far as kube-proxy may set them; with its defaults.
struct FlowTimeouts {
  std::chrono::seconds tcp_established = std::chrono::hours(24);
  std::chrono::seconds tcp_close_wait = std::chrono::hours(1);
  std::chrono::seconds udp{30};
  std::chrono::seconds udp_stream{120};
};

struct Sysctls {
  bool ip_forward = true;
  bool route_localnet = true;   // net.ipv4.conf.all.route_localnet
  bool accept_local = false;    // net.ipv4.conf.all.accept_local
  bool tcp_be_liberal = false;  // net.netfilter.nf_conntrack_tcp_be_liberal
  bool tcp_loose = true;        // net.netfilter.nf_conntrack_tcp_loose
  FlowTimeouts timeouts;
};

// Where a packet enters the node: at an interface, or made by a process of the node.
struct Ingress {
  uint32_t interface = 0;  // index; 0 is the host itself

  static Ingress host() { return {}; }
  bool is_host() const { return interface == 0; }
  friend bool operator==(const Ingress&, const Ingress&) = default;
};

struct World {
  std::string node_name;
  std::vector<Interface> interfaces;
  std::vector<Route> routes;
  std::vector<Cidr> pod_cidrs;
  Sysctls sysctls;

  const Interface* find_interface(uint32_t index) const;
  const Interface* find_interface(std::string_view name) const;
  const Interface& loopback() const;
  const Interface& uplink() const;

  // An address of any interface, or of 127.0.0.0/8.
  bool is_local(const IpAddress& address) const;

  // By its source: an address of the node enters at the host, everything else at the interface
  // through which the node would reach it: a pod's own, a bridge, the uplink.
  Ingress ingress_for_source(const IpAddress& source) const;

  // "host", "uplink (eth0)", "pod 10.180.0.9 (pod1)", for people.
  std::string describe(Ingress ingress) const;
};

}  // namespace kubeproof
