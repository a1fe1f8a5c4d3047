#include "datapath/control/service_entries.h"

#include <gtest/gtest.h>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

std::vector<Frontend> frontends_of(const Cluster& cluster) {
  std::vector<Frontend> result;
  for (const auto& [key, service] : cluster.services) {
    for (const ServiceEntry& entry :
         make_service_entries(service, {}, node_facts(world(), cluster, {}))) {
      result.insert(result.end(), entry.frontends.begin(), entry.frontends.end());
    }
  }
  return result;
}

Cluster cluster_of(const Service& service) {
  Cluster cluster;
  cluster.services[service.key] = service;
  return cluster;
}

TEST(ServiceEntries, EveryAddressOfAServiceIsAFrontend) {
  Service web = service("web", "10.96.0.10");
  web.type = ServiceType::kLoadBalancer;
  web.external_ips = {"198.51.100.7"};
  web.load_balancer_ingress = {{.ip = "203.0.113.9", .proxy_mode = false}};
  web.ports[0].node_port = 30080;
  const auto frontends = frontends_of(cluster_of(web));
  ASSERT_EQ(frontends.size(), 4u);
  EXPECT_EQ(frontends[0].at.to_string(), "10.96.0.10:80");
  EXPECT_EQ(frontends[1].at.to_string(), "198.51.100.7:80");
  EXPECT_EQ(frontends[2].at.to_string(), "203.0.113.9:80");
  EXPECT_EQ(frontends[3].at.to_string(), "0.0.0.0:30080");
  EXPECT_EQ(frontends[3].kind, abi::FRONTEND_NODE_PORT);
}

TEST(ServiceEntries, PoliciesApplyEachToItsOwnFrontends) {
  Service web = service("web", "10.96.0.10");
  web.type = ServiceType::kNodePort;
  web.ports[0].node_port = 30080;
  web.external_traffic_policy = TrafficPolicy::kLocal;
  const auto external_local = frontends_of(cluster_of(web));
  EXPECT_FALSE(external_local[0].flags & abi::FRONTEND_POLICY_LOCAL);
  EXPECT_TRUE(external_local[1].flags & abi::FRONTEND_POLICY_LOCAL);

  web.external_traffic_policy = TrafficPolicy::kCluster;
  web.internal_traffic_policy = TrafficPolicy::kLocal;
  const auto internal_local = frontends_of(cluster_of(web));
  EXPECT_TRUE(internal_local[0].flags & abi::FRONTEND_POLICY_LOCAL);
  EXPECT_FALSE(internal_local[1].flags & abi::FRONTEND_POLICY_LOCAL);
}

TEST(ServiceEntries, ServicesOfOthersAreNotServed) {
  Service headless = service("headless", "None");
  Service elsewhere = service("elsewhere", "10.96.0.11");
  elsewhere.labels["service.kubernetes.io/service-proxy-name"] = "";
  Service external_name = service("name", "10.96.0.12");
  external_name.type = ServiceType::kExternalName;
  for (const Service& service : {headless, elsewhere, external_name}) {
    EXPECT_TRUE(frontends_of(cluster_of(service)).empty()) << service.key.to_string();
  }
}

TEST(ServiceEntries, LoadBalancersInProxyModeKeepTheirTraffic) {
  Service web = service("web", "10.96.0.10");
  web.load_balancer_ingress = {{.ip = "203.0.113.9", .proxy_mode = true}};
  EXPECT_EQ(frontends_of(cluster_of(web)).size(), 1u);
}

TEST(ServiceEntries, SourceRangesGuardOnlyLoadBalancerAddresses) {
  Service web = service("web", "10.96.0.10");
  web.external_ips = {"198.51.100.7"};
  web.load_balancer_ingress = {{.ip = "203.0.113.9", .proxy_mode = false}};
  web.load_balancer_source_ranges = {" 192.0.2.0/24 ", "2001:db8::/32", "nonsense"};
  const auto frontends = frontends_of(cluster_of(web));
  EXPECT_FALSE(frontends[0].flags & abi::FRONTEND_SOURCE_RANGES);
  EXPECT_FALSE(frontends[1].flags & abi::FRONTEND_SOURCE_RANGES);
  ASSERT_TRUE(frontends[2].flags & abi::FRONTEND_SOURCE_RANGES);
  ASSERT_EQ(frontends[2].source_ranges.size(), 1u);
  EXPECT_EQ(frontends[2].source_ranges[0].to_string(), "192.0.2.0/24");
}

TEST(ServiceEntries, RangesThatSayNothingOrEverythingDoNotRestrict) {
  Service web = service("web", "10.96.0.10");
  web.load_balancer_ingress = {{.ip = "203.0.113.9", .proxy_mode = false}};
  for (const char* range : {"nonsense", "2001:db8::/32", "0.0.0.0/0"}) {
    web.load_balancer_source_ranges = {range};
    EXPECT_FALSE(frontends_of(cluster_of(web))[1].flags & abi::FRONTEND_SOURCE_RANGES) << range;
  }
}

TEST(ServiceEntries, ANodeInRangeMayComeFromTheBalancersOwnAddress) {
  Cluster cluster;
  Service web = service("web", "10.96.0.10");
  web.load_balancer_ingress = {{.ip = "203.0.113.9", .proxy_mode = false}};
  web.load_balancer_source_ranges = {"192.168.0.0/24"};
  cluster.services[web.key] = web;
  Node node;
  node.key = {"", "node-a"};
  node.addresses = {{"InternalIP", "192.168.0.2"}};
  cluster.nodes[node.key] = node;
  const auto frontends = frontends_of(cluster);
  ASSERT_EQ(frontends[1].source_ranges.size(), 2u);
  EXPECT_EQ(frontends[1].source_ranges[1].to_string(), "203.0.113.9/32");
}

TEST(ServiceEntries, TheHealthCheckPortOfALocalLoadBalancerIsKept) {
  Service web = service("web", "10.96.0.10");
  web.type = ServiceType::kLoadBalancer;
  web.health_check_node_port = 30000;
  EXPECT_EQ(frontends_of(cluster_of(web)).size(), 1u);
  web.external_traffic_policy = TrafficPolicy::kLocal;
  const auto frontends = frontends_of(cluster_of(web));
  ASSERT_EQ(frontends.size(), 3u);
  EXPECT_EQ(frontends[1].at.to_string(), "0.0.0.0:30000");
  EXPECT_EQ(frontends[1].kind, abi::FRONTEND_HEALTH_CHECK);
  EXPECT_EQ(frontends[2].at.to_string(), "0.0.0.0:0") << "that there is one";
  EXPECT_EQ(frontends[2].kind, abi::FRONTEND_HEALTH_CHECK);
}

TEST(ServiceEntries, ExternalIpsMayBeSwitchedOffSince136) {
  Service web = service("web", "10.96.0.10");
  web.external_ips = {"198.51.100.7"};
  ProxyConfig proxy;
  proxy.allow_service_external_ips = false;
  const auto frontends = [&] {
    return make_service_entries(web, {}, node_facts(world(), {}, proxy))[0].frontends.size();
  };
  EXPECT_EQ(frontends(), 1U);
  proxy.release_minor = 35;
  EXPECT_EQ(frontends(), 2U);
}

TEST(ServiceEntries, TheHeadlessLabelHidServicesUpTo135) {
  Service web = service("web", "10.96.0.10");
  web.labels["service.kubernetes.io/headless"] = "";
  ProxyConfig proxy;
  EXPECT_EQ(make_service_entries(web, {}, node_facts(world(), {}, proxy)).size(), 1U);
  proxy.release_minor = 35;
  EXPECT_TRUE(make_service_entries(web, {}, node_facts(world(), {}, proxy)).empty());
}

}  // namespace
}  // namespace kubeproof::control
