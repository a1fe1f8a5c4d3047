#include "model/node/default_world.h"

#include <algorithm>
#include <utility>

#include "model/node/derived_routes.h"
#include "model/node/interface_kinds.h"

namespace kubeproof {
namespace {

constexpr uint32_t kLoopbackIndex = 1;
constexpr uint32_t kUplinkIndex = 2;
constexpr uint32_t kFirstPodIndex = 10;
constexpr uint32_t kLoopbackMtu = 65536;
constexpr size_t kMaxNameLength = 15;  // IFNAMSIZ without its terminator

Interface make_loopback() {
  Interface lo;
  lo.index = kLoopbackIndex;
  lo.name = "lo";
  lo.kind = InterfaceKind::kLoopback;
  lo.mtu = kLoopbackMtu;
  InterfaceAddress v4;
  v4.address = IpAddress::v4(0x7f000001);
  v4.prefix_length = 8;
  v4.scope = AddressScope::kHost;
  InterfaceAddress v6;
  v6.address = *IpAddress::parse("::1");
  v6.prefix_length = 128;
  v6.scope = AddressScope::kHost;
  lo.addresses = {v4, v6};
  return lo;
}

// As `ip addr add ADDRESS/LENGTH brd + dev eth0` leaves it, address by address: a further IPv4
// address of a subnet is secondary (net/ipv4/devinet.c __inet_insert_ifa).
Interface make_uplink(const std::vector<InterfaceAddress>& addresses) {
  Interface uplink;
  uplink.index = kUplinkIndex;
  uplink.name = "eth0";
  uplink.kind = InterfaceKind::kUplink;
  for (InterfaceAddress each : addresses) {
    if (each.address.is_v4()) {
      each.secondary = std::any_of(
          uplink.addresses.begin(), uplink.addresses.end(),
          [&](const InterfaceAddress& earlier) { return earlier.subnet() == each.subnet(); });
      if (each.prefix_length < 31) {
        const uint32_t host_mask = ~uint32_t{0} >> each.prefix_length;
        each.broadcast = IpAddress::v4(each.address.v4_host_order() | host_mask);
      }
    }
    uplink.addresses.push_back(each);
  }
  return uplink;
}

bool is_pod_address(const NodePods& pods, const IpAddress& address) {
  return std::any_of(pods.addresses().begin(), pods.addresses().end(), [&](const auto& pod) {
    return std::find(pod.begin(), pod.end(), address) != pod.end();
  });
}

void add_bridge(World& world, const NodePods& pods, const std::string& name) {
  Interface bridge;
  bridge.index = kFirstPodIndex;
  bridge.name = name;
  for (const Cidr& cidr : world.pod_cidrs) {
    const auto address = first_host(
        cidr, [&](const IpAddress& candidate) { return is_pod_address(pods, candidate); });
    if (!address) continue;
    InterfaceAddress own;
    own.address = *address;
    own.prefix_length = cidr.prefix_length();
    bridge.addresses.push_back(own);
  }
  world.interfaces.push_back(std::move(bridge));
}

Result<void> add_pod_interfaces(World& world, const NodePods& pods, const std::string& prefix) {
  for (size_t i = 0; i < pods.addresses().size(); ++i) {
    Interface pod;
    pod.index = static_cast<uint32_t>(kFirstPodIndex + i);
    pod.name = prefix + std::to_string(i + 1);
    pod.kind = InterfaceKind::kPod;
    if (pod.name.size() > kMaxNameLength) {
      return bad_input(
          "detectLocal.interfaceNamePrefix '{}' leaves no room for a number within the {} "
          "bytes of an interface's name",
          prefix, kMaxNameLength);
    }
    world.interfaces.push_back(std::move(pod));
  }
  return {};
}

// Loopback, uplink, and those that lead to the pods.
Result<void> add_default_interfaces(World& world, const NodeSpec& node, const NodePods& pods,
                                    const ProxyConfig& proxy) {
  if (node.addresses.empty()) {
    return bad_input(
        "node '{}' has no addresses: expected node.addresses, or a Node object with "
        "status.addresses",
        node.name);
  }
  world.interfaces = {make_loopback(), make_uplink(node.addresses)};
  switch (proxy.detect_local_mode) {
    case DetectLocalMode::kBridgeInterface:
      add_bridge(world, pods, proxy.bridge_interface);
      return {};
    case DetectLocalMode::kInterfaceNamePrefix:
      return add_pod_interfaces(world, pods, proxy.interface_name_prefix);
    case DetectLocalMode::kClusterCidr:
    case DetectLocalMode::kNodeCidr:
      break;
  }
  return add_pod_interfaces(world, pods, "pod");
}

// To the pods behind the interfaces of add_default_interfaces().
void add_pod_routes(World& world, const NodePods& pods, const ProxyConfig& proxy) {
  const bool bridged = proxy.detect_local_mode == DetectLocalMode::kBridgeInterface;
  for (size_t i = 0; i < pods.addresses().size(); ++i) {
    const uint32_t index = static_cast<uint32_t>(kFirstPodIndex + (bridged ? 0 : i));
    for (const IpAddress& address : pods.addresses()[i]) {
      world.routes.push_back(link_route(address, index));
    }
  }
}

Result<void> add_given_routes(World& world, const std::vector<NamedRoute>& given) {
  for (const NamedRoute& named : given) {
    Route route = named.route;
    if (!named.device.empty()) {
      const Interface* interface = world.find_interface(named.device);
      if (interface == nullptr) {
        return bad_input("{}: the node has no interface '{}'", named.place, named.device);
      }
      route.interface = interface->index;
    }
    world.routes.push_back(route);
  }
  return {};
}

Sysctls with_settings(Sysctls sysctls, const SysctlSettings& given) {
  sysctls.ip_forward = given.ip_forward.value_or(sysctls.ip_forward);
  sysctls.route_localnet = given.route_localnet.value_or(sysctls.route_localnet);
  sysctls.accept_local = given.accept_local.value_or(sysctls.accept_local);
  sysctls.tcp_be_liberal = given.tcp_be_liberal.value_or(sysctls.tcp_be_liberal);
  sysctls.tcp_loose = given.tcp_loose.value_or(sysctls.tcp_loose);
  return sysctls;
}

}  // namespace

Result<World> make_world(const NodeSpec& node, const NodePods& pods, const ProxyConfig& proxy,
                         const Sysctls& sysctls) {
  World world;
  world.node_name = node.name;
  world.pod_cidrs = node.pod_cidrs;
  world.sysctls = with_settings(sysctls, node.sysctls);

  Result<void> done;
  if (node.interfaces) {
    world.interfaces = *node.interfaces;
  } else {
    done = add_default_interfaces(world, node, pods, proxy);
  }
  if (node.routes) {
    if (done) done = add_given_routes(world, *node.routes);
  } else if (done) {
    world.routes = connected_routes(world.interfaces);
    if (!node.interfaces) add_pod_routes(world, pods, proxy);
  }
  if (node.interfaces && done) done = tell_interface_kinds(world);
  if (!done) return tl::unexpected(done.error());

  if (!node.routes) {
    const std::vector<Route> defaults = default_routes(world.uplink());
    world.routes.insert(world.routes.end(), defaults.begin(), defaults.end());
  }
  return world;
}

}  // namespace kubeproof
