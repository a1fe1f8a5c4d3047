#include "model/proxier/stale_udp_flows.h"

#include <gtest/gtest.h>

#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

Service dns() {
  Service result = service("ns", "dns", "10.96.0.10");
  result.type = ServiceType::kLoadBalancer;
  result.ports = {{"dns", kUdp, 53, 30053}};
  result.external_ips = {"203.0.113.1"};
  result.load_balancer_ingress = {{"203.0.113.2", false}};
  return result;
}

Cluster with_endpoints(std::vector<SliceEndpoint> endpoints, Service of = dns()) {
  return cluster({of}, {slice(of, std::move(endpoints), 5353)});
}

class StaleUdpFlowsTest : public ::testing::Test {
 protected:
  bool looks(const Cluster& before, const Cluster& after) {
    flows_ = StaleUdpFlows::after_change(Family::kIpv4, &before, after, "node-a", config_);
    return flows_.has_value();
  }
  bool stale(const char* destination, const char* reply_source) {
    return flows_->contains(*SocketAddress::parse(destination),
                            *SocketAddress::parse(reply_source));
  }

  ProxyConfig config_;
  std::optional<StaleUdpFlows> flows_;
};

TEST_F(StaleUdpFlowsTest, AFlowToAnEndpointThatIsGoneIsStaleByEveryFrontend) {
  ASSERT_TRUE(looks(with_endpoints({endpoint("10.180.0.1"), endpoint("10.180.0.2")}),
                    with_endpoints({endpoint("10.180.0.2")})));
  for (const char* frontend : {"10.96.0.10:53", "203.0.113.1:53", "203.0.113.2:53"}) {
    EXPECT_TRUE(stale(frontend, "10.180.0.1:5353")) << frontend;
    EXPECT_FALSE(stale(frontend, "10.180.0.2:5353")) << frontend;
  }
  EXPECT_FALSE(stale("10.96.0.10:54", "10.180.0.1:5353"));
}

TEST_F(StaleUdpFlowsTest, OfANodePortOnlyTheNumberCounts) {
  ASSERT_TRUE(looks(with_endpoints({}), with_endpoints({endpoint("10.180.0.2")})));
  EXPECT_TRUE(stale("192.168.0.2:30053", "10.180.0.1:5353"));
  EXPECT_TRUE(stale("198.51.100.1:30053", "198.51.100.1:30053"));
  EXPECT_FALSE(stale("192.168.0.2:30053", "10.180.0.2:5353"));
}

TEST_F(StaleUdpFlowsTest, AFlowFromBeforeThereWereRulesIsStale) {
  ASSERT_TRUE(looks(with_endpoints({}), with_endpoints({endpoint("10.180.0.2")})));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.96.0.10:53"));
}

TEST_F(StaleUdpFlowsTest, WithoutAServingEndpointFlowsAreLeftAlone) {
  ASSERT_TRUE(looks(with_endpoints({endpoint("10.180.0.1")}), with_endpoints({})));
  EXPECT_FALSE(stale("10.96.0.10:53", "10.180.0.1:5353"));
}

TEST_F(StaleUdpFlowsTest, AServingEndpointKeepsItsFlowsWhileItTerminates) {
  SliceEndpoint terminating = endpoint("10.180.0.1");
  terminating.ready = false;
  terminating.terminating = true;
  ASSERT_TRUE(looks(with_endpoints({endpoint("10.180.0.1")}), with_endpoints({terminating})));
  EXPECT_FALSE(stale("10.96.0.10:53", "10.180.0.1:5353"));
}

TEST_F(StaleUdpFlowsTest, ChangedServicesMakeNobodyLook) {
  Service changed = dns();
  changed.external_ips.clear();
  EXPECT_FALSE(looks(with_endpoints({endpoint("10.180.0.1")}),
                     with_endpoints({endpoint("10.180.0.1")}, changed)));
}

TEST_F(StaleUdpFlowsTest, ChangedEndpointsOfOtherProtocolsMakeNobodyLook) {
  const Service web = service("ns", "web", "10.96.0.11");
  const auto both = [&](const char* address) {
    return cluster({dns(), web},
                   {slice(dns(), {endpoint("10.180.0.1")}, 5353), slice(web, {endpoint(address)})});
  };
  EXPECT_FALSE(looks(both("10.180.0.3"), both("10.180.0.4")));
}

TEST_F(StaleUdpFlowsTest, AnotherPortOnTheSameAddressIsAnotherEndpointSince134) {
  const Cluster before = with_endpoints({});
  const Cluster after = with_endpoints({endpoint("10.180.0.1")});
  ASSERT_TRUE(looks(before, after));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.1:5300"));
  config_.release_minor = 33;
  ASSERT_TRUE(looks(before, after));
  EXPECT_FALSE(stale("10.96.0.10:53", "10.180.0.1:5300"));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.2:5353"));
}

TEST_F(StaleUdpFlowsTest, TheStartOfKubeProxyLooks) {
  const auto flows = StaleUdpFlows::after_change(
      Family::kIpv4, nullptr, with_endpoints({endpoint("10.180.0.1")}), "node-a", config_);
  ASSERT_TRUE(flows);
  EXPECT_TRUE(flows->contains(*SocketAddress::parse("10.96.0.10:53"),
                              *SocketAddress::parse("10.96.0.10:53")));
}

}  // namespace
}  // namespace kubeproof::proxier
