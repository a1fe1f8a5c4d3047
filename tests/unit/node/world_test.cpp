#include "model/node/world.h"

#include <gtest/gtest.h>

#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

World one_pod_world() {
  return world_of(dual_stack_node(), {cluster_of({pod("a", {"10.180.0.7", "fd00:10:180::7"})})});
}

TEST(World, KnowsTheNodesOwnAddresses) {
  const World world = one_pod_world();
  for (const char* own : {"192.168.0.2", "2001:db8::2", "127.0.0.1", "127.5.6.7", "::1"}) {
    EXPECT_TRUE(world.is_local(address(own))) << own;
  }
  for (const char* other : {"192.168.0.3", "10.180.0.7", "::2"}) {
    EXPECT_FALSE(world.is_local(address(other))) << other;
  }
}

TEST(World, TellsTheIngressFromTheSource) {
  const World world = one_pod_world();
  EXPECT_TRUE(world.ingress_for_source(address("192.168.0.2")).is_host());
  EXPECT_TRUE(world.ingress_for_source(address("127.0.0.9")).is_host());
  EXPECT_EQ(world.ingress_for_source(address("10.180.0.7")), Ingress{10});
  EXPECT_EQ(world.ingress_for_source(address("fd00:10:180::7")), Ingress{10});
  EXPECT_EQ(world.ingress_for_source(address("10.180.1.7")), Ingress{2});
  EXPECT_EQ(world.ingress_for_source(address("203.0.113.1")), Ingress{2});
}

TEST(World, PrefersTheLongestPrefixAndThenTheLowestMetric) {
  World world = one_pod_world();
  Route route;
  route.destination = *Cidr::parse("172.17.0.0/16");
  route.interface = 2;
  route.metric = 50;
  world.routes.push_back(route);
  route.interface = 10;
  route.metric = 20;
  world.routes.push_back(route);
  EXPECT_EQ(world.ingress_for_source(address("172.17.0.9")), Ingress{10});
}

TEST(World, FallsBackOnTheUplinkWhereNoRouteLeads) {
  World world = one_pod_world();
  Route blackhole;
  blackhole.destination = *Cidr::parse("10.180.0.64/26");
  blackhole.type = RouteType::kBlackhole;
  world.routes.push_back(blackhole);
  EXPECT_EQ(world.ingress_for_source(address("10.180.0.70")), Ingress{2});
  world.routes.clear();
  EXPECT_EQ(world.ingress_for_source(address("10.180.0.7")), Ingress{2});
}

TEST(World, DescribesAnIngressForPeople) {
  const World world = one_pod_world();
  EXPECT_EQ(world.describe(Ingress::host()), "host");
  EXPECT_EQ(world.describe({1}), "loopback (lo)");
  EXPECT_EQ(world.describe({2}), "uplink (eth0)");
  EXPECT_EQ(world.describe({10}), "pod 10.180.0.7 (pod1)");
  EXPECT_EQ(world.describe({77}), "interface 77");
}

}  // namespace
}  // namespace kubeproof
