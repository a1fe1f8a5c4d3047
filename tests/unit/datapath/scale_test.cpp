// The largest cluster that the maps are sized for, and what a change costs in it.
#include <gtest/gtest.h>

#include "datapath/control/datapath.h"
#include "datapath/control/service_entries.h"
#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

constexpr uint32_t kServices = 100'000;
constexpr uint32_t kEndpointsEach = 10;

void put_endpoints(Cluster& cluster, uint32_t index, uint32_t first) {
  std::vector<SliceEndpoint> endpoints;
  for (uint32_t i = 0; i < kEndpointsEach; ++i) {
    endpoints.push_back(endpoint(IpAddress::v4(first + i).to_string(), "node-b"));
  }
  const EndpointSlice only = slice("web-" + std::to_string(index), 8080, std::move(endpoints));
  cluster.endpoint_slices[only.key] = only;
}

Cluster large_cluster() {
  Cluster cluster;
  for (uint32_t i = 0; i < kServices; ++i) {
    const Service web =
        service("web-" + std::to_string(i), IpAddress::v4(0x0a600001 + i).to_string());
    cluster.services[web.key] = web;
    put_endpoints(cluster, i, 0x0b000000 + i * kEndpointsEach);
  }
  return cluster;
}

TEST(Scale, AHundredThousandDualStackLoadBalancersHaveRoom) {
  Service web = service("web", "10.96.0.10");
  web.type = ServiceType::kLoadBalancer;
  web.ip_families = {Family::kIpv4, Family::kIpv6};
  web.cluster_ips = {"10.96.0.10", "fd00:96::10"};
  web.external_ips = {"198.51.100.200", "2001:db8:e::1"};
  web.load_balancer_ingress = {{.ip = "203.0.113.1"}, {.ip = "2001:db8:113::1"}};
  web.ports[0].node_port = 30080;
  size_t frontends = 0;
  for (const ServiceEntry& entry : make_service_entries(web, {}, node_facts(world(), {}, {}))) {
    frontends += entry.frontends.size();
  }
  EXPECT_EQ(frontends, 8U) << "cluster IP, external IP, load balancer IP, node port, twice";
  EXPECT_LE(frontends * kServices, MapSizes().frontends);
}

TEST(Scale, AHundredThousandServicesWithAMillionEndpointsFit) {
  auto datapath = Datapath::load();
  if (!datapath) GTEST_SKIP() << datapath.error().message;
  Cluster cluster = large_cluster();
  ASSERT_TRUE(datapath->program(world(), {}, {})) << "the node itself";
  size_t writes = 0;
  datapath->observe_writes([&] { ++writes; });
  const auto programmed = datapath->program(world(), cluster, {});
  ASSERT_TRUE(programmed) << programmed.error().message;
  EXPECT_EQ(writes, kServices * (kEndpointsEach + 1) + 1) << "the last shows them to packets";

  writes = 0;
  put_endpoints(cluster, kServices / 2, 0x0c000000);
  ASSERT_TRUE(datapath->program(world(), cluster, {}));
  EXPECT_EQ(writes, kEndpointsEach + 2) << "one service's endpoints, its frontend, and the last";
}

}  // namespace
}  // namespace kubeproof::control
