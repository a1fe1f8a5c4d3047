#include "model/node/default_world.h"

#include <gtest/gtest.h>

#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

const Route* route_to(const World& world, std::string_view cidr) {
  for (const Route& route : world.routes) {
    if (route.destination == *Cidr::parse(cidr)) return &route;
  }
  return nullptr;
}

TEST(DefaultWorld, HasLoopbackAndAnUplinkWithTheNodesAddresses) {
  const World world = world_of(dual_stack_node(), {});
  EXPECT_EQ(world.loopback().index, 1U);
  EXPECT_EQ(world.loopback().addresses[0].address, address("127.0.0.1"));
  EXPECT_EQ(world.loopback().addresses[1].address, address("::1"));
  EXPECT_EQ(world.uplink().index, 2U);
  EXPECT_EQ(world.uplink().name, "eth0");
  EXPECT_EQ(world.uplink().addresses[0].address, address("192.168.0.2"));
  EXPECT_EQ(world.uplink().addresses[0].broadcast, address("192.168.0.255"));
  EXPECT_EQ(world.uplink().addresses[1].address, address("2001:db8::2"));
}

TEST(DefaultWorld, RoutesToTheSubnetAndThroughItsFirstOtherHost) {
  const World world = world_of(dual_stack_node(), {});
  ASSERT_NE(route_to(world, "192.168.0.0/24"), nullptr);
  EXPECT_EQ(route_to(world, "192.168.0.0/24")->preferred_source, address("192.168.0.2"));
  ASSERT_NE(route_to(world, "0.0.0.0/0"), nullptr);
  EXPECT_EQ(route_to(world, "0.0.0.0/0")->gateway, address("192.168.0.1"));
  ASSERT_NE(route_to(world, "::/0"), nullptr);
  EXPECT_EQ(route_to(world, "::/0")->gateway, address("2001:db8::1"));
}

TEST(DefaultWorld, PassesOverItsOwnAddressWhenItLooksForAGateway) {
  NodeSpec node = dual_stack_node();
  node.addresses = {interface_address("192.168.0.1/24"), interface_address("192.168.0.2/24")};
  const World world = world_of(node, {});
  EXPECT_EQ(route_to(world, "0.0.0.0/0")->gateway, address("192.168.0.3"));
}

TEST(DefaultWorld, HasAnOnLinkDefaultRouteWhereTheSubnetIsOneAddress) {
  NodeSpec node = dual_stack_node();
  node.addresses = {interface_address("192.168.0.1/32")};
  const World world = world_of(node, {});
  ASSERT_NE(route_to(world, "0.0.0.0/0"), nullptr);
  EXPECT_FALSE(route_to(world, "0.0.0.0/0")->gateway);
  EXPECT_EQ(route_to(world, "192.168.0.1/32"), nullptr);
}

TEST(DefaultWorld, MarksAFurtherAddressOfASubnetAsSecondary) {
  NodeSpec node = dual_stack_node();
  node.addresses = {interface_address("192.168.0.2/24"), interface_address("192.168.0.9/24"),
                    interface_address("192.168.0.9/16")};
  const World world = world_of(node, {});
  EXPECT_FALSE(world.uplink().addresses[0].secondary);
  EXPECT_TRUE(world.uplink().addresses[1].secondary);
  EXPECT_FALSE(world.uplink().addresses[2].secondary);
}

TEST(DefaultWorld, GivesEachPodOfTheNodeAnInterfaceAndHostRoutes) {
  const World world =
      world_of(dual_stack_node(), {cluster_of({pod("b", {"10.180.0.9"}), pod("a", {"10.180.0.7"}),
                                               pod("c", {"10.180.1.7"}, "node-b")})});
  ASSERT_EQ(world.interfaces.size(), 4U);
  EXPECT_EQ(world.interfaces[2].index, 10U);
  EXPECT_EQ(world.interfaces[2].name, "pod1");
  EXPECT_EQ(world.interfaces[2].kind, InterfaceKind::kPod);
  EXPECT_TRUE(world.interfaces[2].addresses.empty());
  EXPECT_EQ(route_to(world, "10.180.0.7/32")->interface, 10U);
  EXPECT_EQ(world.interfaces[3].name, "pod2");
  EXPECT_EQ(route_to(world, "10.180.0.9/32")->interface, 11U);
  EXPECT_EQ(route_to(world, "10.180.1.7/32"), nullptr);
}

TEST(DefaultWorld, GivesADualStackPodOneInterface) {
  const World world =
      world_of(dual_stack_node(), {cluster_of({pod("a", {"10.180.0.7", "fd00:10:180::7"})})});
  EXPECT_EQ(world.interfaces.size(), 3U);
  EXPECT_EQ(route_to(world, "10.180.0.7/32")->interface, 10U);
  EXPECT_EQ(route_to(world, "fd00:10:180::7/128")->interface, 10U);
}

EndpointSlice slice(std::string name, std::string endpoint, std::optional<std::string> pod_name) {
  EndpointSlice result;
  result.key = {"default", std::move(name)};
  SliceEndpoint one;
  one.addresses = {std::move(endpoint)};
  one.node_name = "node-a";
  one.target_pod = std::move(pod_name);
  result.endpoints = {one};
  return result;
}

TEST(DefaultWorld, JoinsTheEndpointsOfOnePodAcrossSlices) {
  Cluster cluster;
  for (const auto& each :
       {slice("web-4", "10.180.0.7", "web"), slice("web-6", "fd00:10:180::7", "web"),
        slice("other", "10.180.0.8", std::nullopt)}) {
    cluster.endpoint_slices[each.key] = each;
  }
  const World world = world_of(dual_stack_node(), {cluster});
  EXPECT_EQ(world.interfaces.size(), 4U);
  EXPECT_EQ(route_to(world, "10.180.0.7/32")->interface,
            route_to(world, "fd00:10:180::7/128")->interface);
}

TEST(DefaultWorld, GivesNoInterfaceToPodsOnTheHostsNetwork) {
  Cluster cluster;
  const EndpointSlice host = slice("host", "192.168.0.2", "agent");
  cluster.endpoint_slices[host.key] = host;
  Pod agent = pod("agent", {"192.168.0.2"});
  agent.host_network = true;
  cluster.pods[agent.key] = agent;
  EXPECT_EQ(world_of(dual_stack_node(), {cluster}).interfaces.size(), 2U);
}

TEST(DefaultWorld, KeepsAPodsInterfaceWhenObjectsChange) {
  const Cluster before = cluster_of({pod("m", {"10.180.0.7"})});
  const Cluster after = cluster_of({pod("a", {"10.180.0.8"}), pod("m", {"10.180.0.7"})});
  const World world = world_of(dual_stack_node(), {before, after});
  EXPECT_EQ(route_to(world, "10.180.0.7/32")->interface, 10U);
  EXPECT_EQ(route_to(world, "10.180.0.8/32")->interface, 11U);
}

TEST(DefaultWorld, TakesTrafficFromThePodCidrsForPods) {
  const NodeSpec node = dual_stack_node();
  NodePods pods(node);
  pods.add_traffic_address(address("10.180.0.33"));
  pods.add_traffic_address(address("10.180.0.33"));
  pods.add_traffic_address(address("203.0.113.1"));
  const World world = *make_world(node, pods, {}, {});
  EXPECT_EQ(world.interfaces.size(), 3U);
  EXPECT_EQ(route_to(world, "10.180.0.33/32")->interface, 10U);
}

TEST(DefaultWorld, NamesPodInterfacesByTheConfiguredPrefix) {
  ProxyConfig proxy;
  proxy.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
  proxy.interface_name_prefix = "cali";
  const Cluster cluster = cluster_of({pod("a", {"10.180.0.7"})});
  EXPECT_EQ(world_of(dual_stack_node(), {cluster}, proxy).interfaces[2].name, "cali1");

  NodePods pods(dual_stack_node());
  pods.add(cluster);
  proxy.interface_name_prefix = "fifteen-letters";
  EXPECT_FALSE(make_world(dual_stack_node(), pods, proxy, {}));
}

TEST(DefaultWorld, PutsPodsBehindTheConfiguredBridge) {
  ProxyConfig proxy;
  proxy.detect_local_mode = DetectLocalMode::kBridgeInterface;
  proxy.bridge_interface = "cbr0";
  const World world = world_of(
      dual_stack_node(), {cluster_of({pod("a", {"10.180.0.1"}), pod("b", {"10.180.0.7"})})}, proxy);
  ASSERT_EQ(world.interfaces.size(), 3U);
  EXPECT_EQ(world.interfaces[2].name, "cbr0");
  EXPECT_EQ(world.interfaces[2].kind, InterfaceKind::kOther);
  EXPECT_EQ(world.interfaces[2].addresses[0].address, address("10.180.0.2"));
  EXPECT_EQ(route_to(world, "10.180.0.7/32")->interface, 10U);
  EXPECT_EQ(route_to(world, "10.180.0.0/24")->interface, 10U);
}

TEST(DefaultWorld, NeedsAnAddress) {
  NodeSpec node;
  node.name = "node-a";
  const auto world = make_world(node, NodePods(node), {}, {});
  ASSERT_FALSE(world);
  EXPECT_NE(world.error().message.find("'node-a'"), std::string::npos);
}

TEST(DefaultWorld, LetsTheUsersSysctlsWin) {
  NodeSpec node = dual_stack_node();
  node.sysctls.route_localnet = false;
  Sysctls by_kube_proxy;
  by_kube_proxy.route_localnet = true;
  by_kube_proxy.tcp_be_liberal = true;
  const World world = *make_world(node, NodePods(node), {}, by_kube_proxy);
  EXPECT_FALSE(world.sysctls.route_localnet);
  EXPECT_TRUE(world.sysctls.tcp_be_liberal);
}

// A node as bridge plugins leave it: pods behind cni0, other nodes' pods through flannel.1.
NodeSpec bridged_node() {
  NodeSpec node;
  node.name = "node-a";
  Interface lo;
  lo.index = 1;
  lo.name = "lo";
  lo.kind = InterfaceKind::kLoopback;
  Interface uplink;
  uplink.index = 3;
  uplink.name = "ens5";
  uplink.addresses = {interface_address("192.168.0.2/24")};
  Interface overlay;
  overlay.index = 4;
  overlay.name = "flannel.1";
  overlay.addresses = {interface_address("10.180.0.0/32")};
  Interface bridge;
  bridge.index = 5;
  bridge.name = "cni0";
  bridge.addresses = {interface_address("10.180.0.1/24")};
  Interface link;
  link.index = 6;
  link.name = "veth12";
  node.interfaces = {lo, overlay, bridge, uplink, link};
  return node;
}

NamedRoute named_route(std::string_view destination, std::string device) {
  NamedRoute named;
  named.route.destination = *Cidr::parse(destination);
  named.device = std::move(device);
  named.place = "routes.json: [0]";
  return named;
}

TEST(GivenWorld, TellsTheUplinkByTheDefaultRoute) {
  NodeSpec node = bridged_node();
  node.routes = {named_route("10.180.1.0/24", "flannel.1"), named_route("0.0.0.0/0", "ens5"),
                 named_route("10.180.0.44/32", "veth12")};
  const World world = *make_world(node, NodePods(node), {}, {});
  EXPECT_EQ(world.uplink().name, "ens5");
  EXPECT_EQ(world.find_interface("cni0")->kind, InterfaceKind::kOther);
  EXPECT_EQ(world.find_interface("veth12")->kind, InterfaceKind::kPod);
  EXPECT_EQ(world.routes.size(), 3U);
  EXPECT_EQ(world.routes[0].interface, 4U);
}

TEST(GivenWorld, DerivesRoutesFromGivenInterfaces) {
  const NodeSpec node = bridged_node();
  const World world = *make_world(node, NodePods(node), {}, {});
  EXPECT_EQ(world.uplink().name, "flannel.1");  // the first with an address, for want of a route
  EXPECT_EQ(route_to(world, "10.180.0.0/24")->interface, 5U);
  EXPECT_EQ(route_to(world, "192.168.0.0/24")->interface, 3U);
}

TEST(GivenWorld, DerivesRoutesTowardPeersAsTheKernelMakesThem) {
  NodeSpec node = bridged_node();
  InterfaceAddress ipv4 = interface_address("10.8.0.1/32");
  ipv4.peer = address("10.8.0.2");
  InterfaceAddress ipv6 = interface_address("fd00:1::1/64");
  ipv6.peer = address("fd00:2::1");
  node.interfaces->back().addresses = {ipv4, ipv6};
  const World world = *make_world(node, NodePods(node), {}, {});
  EXPECT_EQ(route_to(world, "10.8.0.2/32")->preferred_source, address("10.8.0.1"));
  EXPECT_EQ(route_to(world, "fd00:1::/64")->interface, 6U);
  EXPECT_EQ(route_to(world, "fd00:2::1/128")->interface, 6U);
}

TEST(GivenWorld, RefusesARouteThroughAnUnknownInterface) {
  NodeSpec node = bridged_node();
  node.routes = {named_route("0.0.0.0/0", "eth7")};
  const auto world = make_world(node, NodePods(node), {}, {});
  ASSERT_FALSE(world);
  EXPECT_EQ(world.error().message, "routes.json: [0]: the node has no interface 'eth7'");
}

TEST(GivenWorld, RefusesInterfacesThatOccurTwice) {
  NodeSpec node = bridged_node();
  node.interfaces->push_back(node.interfaces->back());
  EXPECT_FALSE(make_world(node, NodePods(node), {}, {}));
}

}  // namespace
}  // namespace kubeproof
