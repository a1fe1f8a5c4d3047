#include "replay/explore/describe_node.h"

#include <algorithm>
#include <utility>

#include "model/node/derived_routes.h"
#include "replay/explore/address_plan.h"
#include "replay/explore/generate_world.h"

namespace kubeproof::explore {
namespace {

constexpr uint32_t kSecondUplink = 3;
constexpr uint32_t kOverlay = 4;
constexpr uint32_t kDummy = 5;
constexpr uint32_t kBridge = 10;
// IP6_RT_PRIO_ADDRCONF, of the routes that the kernel makes itself.
constexpr uint32_t kKernelMetric6 = 256;

InterfaceAddress in_subnet(const IpAddress& address, const std::string& prefix) {
  InterfaceAddress result;
  const Cidr subnet = *Cidr::parse(address.to_string() + prefix);
  result.address = address;
  result.prefix_length = subnet.prefix_length();
  if (address.is_v4()) {
    const uint32_t hosts = ~uint32_t{0} >> subnet.prefix_length();
    result.broadcast = IpAddress::v4(address.v4_host_order() | hosts);
  }
  return result;
}

InterfaceAddress alone(const IpAddress& address) {
  InterfaceAddress result;
  result.address = address;
  result.prefix_length = address.is_v4() ? 32 : 128;
  return result;
}

class NodeEditor {
 public:
  NodeEditor(Random& random, World& world, bool corners)
      : random_(random), world_(world), corners_(corners) {}

  void edit(const std::string& bridge_name) {
    const bool bridged = world_.find_interface(kBridge)->kind != InterfaceKind::kPod;
    if (!bridged && random_.percent(35)) put_pods_behind_bridge(bridge_name);
    if (random_.percent(40)) add_overlay();
    if (random_.percent(40)) add_second_uplink();
    if (random_.percent(25)) add_dummy();
    if (random_.percent(15)) add_to_loopback();
    if (random_.percent(25)) add_link_local();
    if (random_.percent(25)) prefer_second_address();
    if (random_.percent(50)) set_mtus();
    if (random_.percent(12)) leave_family(random_.pick({Family::kIpv4, Family::kIpv6}));
    if (!corners_) return;
    if (random_.percent(10)) add_local_route();
    if (random_.percent(20)) add_dead_end();
    if (random_.percent(7)) drop_default_route(Family::kIpv6);
    if (random_.percent(20)) deprecate_ipv6_addresses();
  }

 private:
  Interface& add_interface(uint32_t index, const char* name) {
    Interface& added = world_.interfaces.emplace_back();
    added.index = index;
    added.name = name;
    return added;
  }

  Route& add_route(const Cidr& destination, uint32_t interface) {
    Route& added = world_.routes.emplace_back();
    added.destination = destination;
    added.interface = interface;
    if (destination.family() == Family::kIpv6) added.metric = kUserMetric6;
    return added;
  }

  void add_connected_routes(const Interface& interface) {
    const auto routes = connected_routes({interface});
    world_.routes.insert(world_.routes.end(), routes.begin(), routes.end());
  }

  void put_pods_behind_bridge(const std::string& name) {
    const auto is_pods = [](uint32_t index) { return index >= kBridge; };
    std::erase_if(world_.interfaces, [&](const Interface& each) { return is_pods(each.index); });
    std::erase_if(world_.routes, [&](const Route& each) { return is_pods(each.interface); });
    Interface& bridge = add_interface(kBridge, name.c_str());
    for (const Family family : kFamilies) {
      const AddressPlan& plan = address_plan(family);
      bridge.addresses.push_back(in_subnet(plan.bridge, plan.node_prefix));
    }
    add_connected_routes(bridge);
  }

  // To the other node's pods, by an address of the device on its other side. That of IPv6 is
  // anycast at a bridge, too.
  void add_overlay() {
    Interface& overlay = add_interface(kOverlay, "vxlan0");
    overlay.mtu = 1450;
    for (const Family family : kFamilies) {
      const AddressPlan& plan = address_plan(family);
      const bool addressed = random_.percent(85) && (corners_ || family == Family::kIpv4);
      if (addressed) overlay.addresses.push_back(alone(plan.overlay));
      const Cidr elsewhere(plan.pods_elsewhere[0], family == Family::kIpv4 ? 24 : 64);
      add_route(elsewhere, kOverlay).gateway = elsewhere.base();
    }
  }

  void add_second_uplink() {
    Interface& uplink = add_interface(kSecondUplink, "eth1");
    for (const Family family : kFamilies) {
      const AddressPlan& plan = address_plan(family);
      uplink.addresses.push_back(in_subnet(plan.storage, plan.node_prefix));
    }
    add_connected_routes(uplink);
    const bool takes_over = random_.percent(15);
    for (const Family family : kFamilies) {
      const AddressPlan& plan = address_plan(family);
      Route& outside = add_route(Cidr::host(plan.outside[1]), kSecondUplink);
      outside.gateway = plan.storage_gateway;
      if (random_.percent(30)) outside.preferred_source = plan.node;
      if (takes_over) drop_default_route(family);
      if (!takes_over && !random_.percent(30)) continue;
      Route& standard = add_route(Cidr(IpAddress::unspecified(family), 0), kSecondUplink);
      standard.gateway = plan.storage_gateway;
      if (!takes_over) standard.metric += 100;
    }
  }

  // A load balancer's address that the node itself has, and one of a local service.
  void add_dummy() {
    Interface& dummy = add_interface(kDummy, "dummy0");
    for (const Family family : kFamilies) {
      const AddressPlan& plan = address_plan(family);
      dummy.addresses.push_back(alone(plan.external_ips[0]));
      if (family == Family::kIpv4 && random_.percent(50)) {
        dummy.addresses.push_back(alone(plan.link_local));
      }
    }
  }

  void add_to_loopback() {
    for (const Family family : kFamilies) {
      world_.interfaces.front().addresses.push_back(alone(address_plan(family).external_ips[1]));
    }
  }

  void add_link_local() {
    for (Interface& interface : world_.interfaces) {
      if (interface.kind == InterfaceKind::kLoopback) continue;
      const AddressPlan& plan = address_plan(Family::kIpv6);
      InterfaceAddress address = in_subnet(plan.link_local, plan.node_prefix);
      address.scope = AddressScope::kLink;
      interface.addresses.push_back(address);
      add_route(Cidr(plan.link_local, address.prefix_length), interface.index).metric =
          kKernelMetric6;
    }
  }

  void prefer_second_address() {
    for (Route& route : world_.routes) {
      const IpAddress& second = address_plan(route.destination.family()).second_node;
      if (route.destination.prefix_length() == 0 && world_.is_local(second)) {
        route.preferred_source = second;
      }
    }
  }

  void deprecate_ipv6_addresses() {
    for (Interface& interface : world_.interfaces) {
      for (InterfaceAddress& address : interface.addresses) {
        address.deprecated = !address.address.is_v4() && random_.percent(50);
      }
    }
  }

  // Of one address, or of a prefix (AnyIP) in which a dead end may lie.
  void add_local_route() {
    const int host_bits = random_.pick({0, 2});
    for (const Family family : kFamilies) {
      const Cidr address = Cidr::host(address_plan(family).external_ips[2]);
      const auto length = static_cast<uint8_t>(address.prefix_length() - host_bits);
      add_route(Cidr(address.base(), length), 1).type = RouteType::kLocal;
    }
  }

  // Of IPv4 only what is silent: how often ip_error() answers a source is limited, by settings that
  // network namespaces do not have of their own (net.ipv4.route.error_burst).
  void add_dead_end() {
    const Family family = random_.pick({Family::kIpv4, Family::kIpv6});
    const AddressPlan& plan = address_plan(family);
    const IpAddress address =
        random_.pick({plan.outside[0], plan.pods_elsewhere[1], plan.external_ips[1]});
    const RouteType type =
        random_.pick({RouteType::kUnreachable, RouteType::kBlackhole, RouteType::kProhibit});
    add_route(Cidr::host(address), 0).type = family == Family::kIpv4 ? RouteType::kBlackhole : type;
  }

  void drop_default_route(Family family) {
    std::erase_if(world_.routes, [family](const Route& route) {
      return route.destination.prefix_length() == 0 && route.destination.family() == family;
    });
  }

  // The node has only the other one, but for what loopback has by itself. IPv4 ends in silence: see
  // add_dead_end().
  void leave_family(Family family) {
    for (Interface& interface : world_.interfaces) {
      std::erase_if(interface.addresses, [&](const InterfaceAddress& each) {
        return each.address.family() == family && !each.address.is_loopback();
      });
    }
    std::erase_if(world_.routes,
                  [family](const Route& route) { return route.destination.family() == family; });
    if (family == Family::kIpv6) return;
    add_route(Cidr(IpAddress::unspecified(family), 0), 0).type = RouteType::kBlackhole;
  }

  void set_mtus() {
    for (Interface& interface : world_.interfaces) {
      if (interface.kind == InterfaceKind::kLoopback) continue;
      interface.mtu = random_.pick({1280U, 1400U, 1450U, 1500U, 9000U});
    }
  }

  Random& random_;
  World& world_;
  const bool corners_;
};

SysctlSettings generate_sysctls(Random& random) {
  SysctlSettings settings;
  if (random.percent(10)) settings.tcp_loose = false;
  if (random.percent(10)) settings.accept_local = true;
  // On where kube-proxy would leave it off, 127.0.0.1 leaves the node as a source; and somebody may
  // take back what kube-proxy has set.
  if (random.percent(15)) settings.route_localnet = random.percent(50);
  if (random.percent(5)) settings.ip_forward = false;
  return settings;
}

}  // namespace

void describe_node(Random& random, const ProxyConfig& proxy, bool corners, NodeSpec& spec) {
  World world = world_of(spec, proxy);
  NodeEditor(random, world, corners)
      .edit(proxy.bridge_interface.empty() ? "cni0" : proxy.bridge_interface);
  spec.routes.emplace();
  for (const Route& route : world.routes) {
    const Interface* interface = world.find_interface(route.interface);
    spec.routes->push_back({route, interface != nullptr ? interface->name : "", ""});
  }
  for (Interface& interface : world.interfaces) {
    if (interface.kind != InterfaceKind::kLoopback) interface.kind = InterfaceKind::kOther;
  }
  spec.interfaces = std::move(world.interfaces);
  spec.sysctls = generate_sysctls(random);
}

}  // namespace kubeproof::explore
