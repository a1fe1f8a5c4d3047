#include "model/node/routing.h"

#include <gtest/gtest.h>

#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

// The default world with two pods, and room for a test's own additions.
World world_with_pods() {
  return world_of(dual_stack_node(), {cluster_of({pod("a", {"10.180.0.9", "fd00:10:180::9"}),
                                                  pod("b", {"10.180.0.10", "fd00:10:180::a"})})});
}

void add_route(World& world, std::string_view destination, RouteType type,
               std::string_view interface = {}, uint32_t metric = 0) {
  Route route;
  route.destination = *Cidr::parse(destination);
  route.type = type;
  route.metric = metric;
  if (!interface.empty()) route.interface = world.find_interface(interface)->index;
  world.routes.push_back(route);
}

void add_address(World& world, std::string_view interface, const InterfaceAddress& added) {
  for (Interface& one : world.interfaces) {
    if (one.name == interface) one.addresses.push_back(added);
  }
}

RouteVerdict verdict(const World& world, std::string_view destination) {
  return RoutingTable(world).lookup(address(destination)).verdict;
}

std::string out(const World& world, std::string_view destination) {
  const RouteDecision decision = RoutingTable(world).lookup(address(destination));
  return decision.out == nullptr ? "" : decision.out->name;
}

TEST(Routing, FindsTheNodesOwnAddressesInTableLocal) {
  const World world = world_with_pods();
  for (const char* own : {"192.168.0.2", "127.0.0.1", "127.8.8.8", "2001:db8::2", "::1"}) {
    EXPECT_EQ(verdict(world, own), RouteVerdict::kLocal) << own;
    EXPECT_TRUE(RoutingTable(world).is_local(address(own))) << own;
  }
}

TEST(Routing, TellsBroadcastsFromTheNetworksLowestAddress) {
  const World world = world_with_pods();
  for (const char* all : {"192.168.0.255", "127.255.255.255", "255.255.255.255"}) {
    EXPECT_EQ(verdict(world, all), RouteVerdict::kBroadcast) << all;
    EXPECT_FALSE(RoutingTable(world).is_local(address(all))) << all;
  }
  EXPECT_EQ(verdict(world, "192.168.0.0"), RouteVerdict::kForward);
}

TEST(Routing, AnswersForTheSubnetRouterAnycastAddressButDoesNotOwnIt) {
  const World world = world_with_pods();
  EXPECT_EQ(verdict(world, "2001:db8::"), RouteVerdict::kLocal);
  EXPECT_FALSE(RoutingTable(world).is_local(address("2001:db8::")));
}

TEST(Routing, PrefersTheLongestPrefix) {
  World world = world_with_pods();
  add_route(world, "10.180.0.0/16", RouteType::kUnreachable);
  EXPECT_EQ(out(world, "10.180.0.9"), world.find_interface(world.interfaces[2].index)->name);
  EXPECT_EQ(verdict(world, "10.180.7.7"), RouteVerdict::kUnreachable);
  EXPECT_EQ(out(world, "8.8.8.8"), "eth0");
}

TEST(Routing, PrefersTheLowestMetricAmongEqualPrefixes) {
  World world = world_with_pods();
  add_route(world, "10.99.0.0/24", RouteType::kBlackhole, {}, 20);
  add_route(world, "10.99.0.0/24", RouteType::kProhibit, {}, 10);
  add_route(world, "10.99.1.1/32", RouteType::kBlackhole, {}, 20);
  add_route(world, "10.99.1.1/32", RouteType::kProhibit, {}, 10);
  EXPECT_EQ(verdict(world, "10.99.0.1"), RouteVerdict::kProhibit);
  EXPECT_EQ(verdict(world, "10.99.1.1"), RouteVerdict::kProhibit);
}

TEST(Routing, NamesTheGatewayOrTheDestinationAsNextHop) {
  const World world = world_with_pods();
  const RoutingTable routes(world);
  EXPECT_EQ(routes.lookup(address("8.8.8.8")).next_hop, address("192.168.0.1"));
  EXPECT_EQ(routes.lookup(address("192.168.0.77")).next_hop, address("192.168.0.77"));
}

TEST(Routing, HasNoRouteWhereNothingMatches) {
  World world = world_with_pods();
  std::erase_if(world.routes, [](const Route& r) { return r.destination.prefix_length() == 0; });
  EXPECT_EQ(verdict(world, "8.8.8.8"), RouteVerdict::kNoRoute);
  EXPECT_EQ(verdict(world, "2001:4860::1"), RouteVerdict::kNoRoute);
}

TEST(Routing, SendsGroupsAndTheLimitedBroadcastOutOfAnInterface) {
  const World world = world_with_pods();
  const RoutingTable routes(world);
  for (const char* many : {"224.0.0.251", "255.255.255.255", "ff02::fb"}) {
    const RouteDecision decision = routes.output(address(many));
    EXPECT_EQ(decision.verdict, RouteVerdict::kForward) << many;
    ASSERT_NE(decision.out, nullptr) << many;
    EXPECT_EQ(decision.out->name, "eth0") << many;
  }
}

TEST(Routing, SendsNoGroupsOfAFamilyThatNoInterfaceHas) {
  World world = world_with_pods();
  for (Interface& interface : world.interfaces) {
    std::erase_if(interface.addresses, [](const InterfaceAddress& each) {
      return !each.address.is_v4() && !each.address.is_loopback();
    });
  }
  std::erase_if(world.routes, [](const Route& each) { return !each.destination.base().is_v4(); });
  EXPECT_EQ(RoutingTable(world).output(address("ff02::fb")).verdict, RouteVerdict::kNoRoute);
  EXPECT_EQ(RoutingTable(world).output(address("224.0.0.251")).verdict, RouteVerdict::kForward);
}

TEST(Routing, MasqueradeTakesTheEgressInterfacesAddressWhoseSubnetHoldsTheNextHop) {
  World world = world_with_pods();
  add_address(world, "eth0", interface_address("172.16.0.2/24"));
  const RoutingTable routes(world);
  const Interface& eth0 = *world.find_interface("eth0");
  const auto source = [&](const char* hop) {
    return routes.select_source(eth0, address("8.8.8.8"), address(hop));
  };
  EXPECT_EQ(source("192.168.0.1"), address("192.168.0.2"));
  EXPECT_EQ(source("172.16.0.1"), address("172.16.0.2"));
  EXPECT_EQ(source("10.0.0.1"), address("192.168.0.2"));
}

TEST(Routing, MasqueradeTakesTheAddressWhosePeersSubnetHoldsTheNextHop) {
  World world = world_with_pods();
  InterfaceAddress own = interface_address("172.16.0.2/24");
  own.peer = address("172.17.0.9");
  add_address(world, "eth0", own);
  const RoutingTable routes(world);
  const Interface& eth0 = *world.find_interface("eth0");
  const IpAddress to = address("8.8.8.8");
  EXPECT_EQ(routes.select_source(eth0, to, address("172.17.0.1")), address("172.16.0.2"));
  EXPECT_EQ(routes.select_source(eth0, to, address("172.16.0.1")), address("192.168.0.2"));
  EXPECT_EQ(routes.lookup(address("172.17.0.255")).verdict, RouteVerdict::kBroadcast);
  EXPECT_EQ(routes.lookup(address("172.16.0.255")).verdict, RouteVerdict::kForward);
}

TEST(Routing, ADeprecatedIpv6AddressIsTheLastChoiceOfItsScope) {
  World world = world_with_pods();
  for (Interface& interface : world.interfaces) {
    for (InterfaceAddress& each : interface.addresses) each.deprecated = true;
  }
  const auto source = [&](const char* destination) {
    return RoutingTable(world).select_source(world.uplink(), address(destination), {});
  };
  EXPECT_EQ(source("2001:db8:1::5"), address("2001:db8::2"));
  // Rule 3 comes after 1 (the same address) and 2 (scope), before 5 (interface) and 6 (label).
  add_address(world, "pod1", interface_address("3ffe::1/64"));
  EXPECT_EQ(source("2001:db8:1::5"), address("3ffe::1"));
  EXPECT_EQ(source("2001:db8::2"), address("2001:db8::2"));
  add_address(world, "eth0", interface_address("fec0::1/64"));
  EXPECT_EQ(source("2001:db8:1::5"), address("3ffe::1"));
}

TEST(Routing, MasqueradeBorrowsAnAddressWhereTheInterfaceHasNone) {
  const World world = world_with_pods();
  const RoutingTable routes(world);
  const IpAddress to = address("10.180.0.9");
  EXPECT_EQ(routes.select_source(*routes.lookup(to).out, to, to), address("192.168.0.2"));
}

TEST(Routing, NeverPicksSecondaryOrLoopbackAddresses) {
  World world = world_with_pods();
  for (Interface& one : world.interfaces) {
    if (one.name == "eth0") one.addresses.front().secondary = true;
  }
  const RoutingTable routes(world);
  const IpAddress to = address("10.180.0.9");
  EXPECT_EQ(routes.select_source(*routes.lookup(to).out, to, to), std::nullopt);
}

TEST(Routing, AnAnswerToASecondaryAddressComesFromThePrimaryOne) {
  World world = world_with_pods();
  InterfaceAddress second;
  second.address = address("192.168.0.3");
  second.prefix_length = 24;
  second.secondary = true;
  add_address(world, "eth0", second);
  const RoutingTable routes(world);
  EXPECT_TRUE(routes.is_configured(second.address));
  EXPECT_EQ(routes.local_source(routes.output(second.address), second.address),
            address("192.168.0.2"));
}

TEST(Routing, ARoutesSourceIsForTheNodesOwnPacketsAndNotForMasquerade) {
  World world = world_with_pods();
  add_address(world, "eth0", interface_address("172.16.0.2/24"));
  add_route(world, "10.77.0.0/16", RouteType::kUnicast, "eth0");
  world.routes.back().preferred_source = address("172.16.0.2");
  const RoutingTable routes(world);
  const IpAddress to = address("10.77.0.1");
  const RouteDecision route = routes.lookup(to);
  EXPECT_EQ(routes.local_source(route, to), address("172.16.0.2"));
  EXPECT_EQ(routes.select_source(*route.out, to, route.next_hop), address("192.168.0.2"));
}

TEST(Routing, Ipv6SourcesMatchTheLabelBeforeTheLength) {
  World world = world_with_pods();
  add_address(world, "eth0", interface_address("fd00:77::2/64"));
  const RoutingTable routes(world);
  const auto source = [&](const char* to) {
    return routes.select_source(*world.find_interface("eth0"), address(to), address(to));
  };
  EXPECT_EQ(source("fd00:10:180::9"), address("fd00:77::2"));
  EXPECT_EQ(source("2001:db8:1::1"), address("2001:db8::2"));
  EXPECT_EQ(source("fd00:77::2"), address("fd00:77::2"));
}

TEST(Routing, Ipv6SourcesPreferTheEgressInterfaceBeforeTheLabel) {
  World world = world_with_pods();
  const std::string pod_interface = out(world, "fd00:10:180::9");
  add_address(world, pod_interface, interface_address("2001:db8:5::1/64"));
  add_address(world, "eth0", interface_address("fd00:77::2/64"));
  const RoutingTable routes(world);
  const IpAddress to = address("fd00:10:180::9");
  EXPECT_EQ(routes.select_source(*world.find_interface(pod_interface), to, to),
            address("2001:db8:5::1"));
}

TEST(Routing, Ipv6SourcesForNobodyHaveTheSmallestScope) {
  World world = world_with_pods();
  add_address(world, "eth0", interface_address("fe80::2/64"));
  const RoutingTable routes(world);
  const IpAddress nobody = address("::");
  EXPECT_EQ(routes.select_source(*world.find_interface("eth0"), nobody, nobody),
            address("fe80::2"));
}

}  // namespace
}  // namespace kubeproof
