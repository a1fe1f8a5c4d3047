#include "model/proxier/stale_udp_flows.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

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

// Releases since 1.37 end flows that lead nowhere as well.

TEST_F(StaleUdpFlowsTest, Since137FlowsToAServiceWithoutEndpointsAreStale) {
  const Cluster before = with_endpoints({endpoint("10.180.0.1")});
  config_.release_minor = 37;
  ASSERT_TRUE(looks(before, with_endpoints({})));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.1:5353"));
  EXPECT_TRUE(stale("192.168.0.2:30053", "10.180.0.1:5353"));
  config_.release_minor = 36;
  ASSERT_TRUE(looks(before, with_endpoints({})));
  EXPECT_FALSE(stale("10.96.0.10:53", "10.180.0.1:5353"));
}

TEST_F(StaleUdpFlowsTest, Since137FlowsToADeletedServiceAreStale) {
  const Cluster before = with_endpoints({endpoint("10.180.0.1")});
  Cluster after = before;
  after.services.clear();
  EXPECT_FALSE(looks(before, after));
  config_.release_minor = 37;
  ASSERT_TRUE(looks(before, after));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.1:5353"));
  EXPECT_TRUE(stale("203.0.113.2:53", "10.180.0.1:5353"));
}

TEST_F(StaleUdpFlowsTest, AServiceThatTookADeletedOnesAddressKeepsItsFlows) {
  const Cluster before = with_endpoints({endpoint("10.180.0.1")});
  Service heir = dns();
  heir.key.name = "heir";
  config_.release_minor = 37;
  ASSERT_TRUE(looks(before, with_endpoints({endpoint("10.180.0.2")}, heir)));
  EXPECT_FALSE(stale("10.96.0.10:53", "10.180.0.2:5353"));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.1:5353"));
}

// Releases up to 1.31 work from what changed.

class UdpEventsTest : public StaleUdpFlowsTest {
 protected:
  UdpEventsTest() { config_.release_minor = 31; }
};

TEST_F(UdpEventsTest, AnEndpointThatIsGoneTakesTheFlowsToItsAddress) {
  ASSERT_TRUE(looks(with_endpoints({endpoint("10.180.0.1"), endpoint("10.180.0.2")}),
                    with_endpoints({endpoint("10.180.0.2")})));
  for (const char* frontend : {"10.96.0.10:53", "203.0.113.1:53", "203.0.113.2:53", "10.96.0.10:54",
                               "198.51.100.1:30053"}) {
    EXPECT_TRUE(stale(frontend, "10.180.0.1:5353")) << frontend << ", of any port";
    EXPECT_TRUE(stale(frontend, "10.180.0.1:1")) << frontend;
    EXPECT_FALSE(stale(frontend, "10.180.0.2:5353")) << frontend;
  }
  EXPECT_FALSE(stale("10.96.0.11:53", "10.180.0.1:5353"));
}

TEST_F(UdpEventsTest, TheLastEndpointTakesItsFlowsToo) {
  ASSERT_TRUE(looks(with_endpoints({endpoint("10.180.0.1")}), with_endpoints({})));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.1:5353"));
  EXPECT_FALSE(stale("10.96.0.10:53", "10.180.0.9:5353")) << "nobody asks for what was there";
}

TEST_F(UdpEventsTest, OnlyTranslatedFlowsLeadToAnEndpoint) {
  // A process of the node that is an endpoint, by the node's own address.
  ASSERT_TRUE(looks(with_endpoints({endpoint("203.0.113.1"), endpoint("10.180.0.2")}),
                    with_endpoints({endpoint("10.180.0.2")})));
  EXPECT_FALSE(stale("203.0.113.1:53", "203.0.113.1:5353"));
}

TEST_F(UdpEventsTest, TheFirstEndpointEndsAllFlowsToTheServicesAddresses) {
  ASSERT_TRUE(looks(with_endpoints({}), with_endpoints({endpoint("10.180.0.1")})));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.96.0.10:53"));
  EXPECT_TRUE(stale("10.96.0.10:54", "10.180.0.1:5353")) << "of any port, wherever they lead";
  EXPECT_TRUE(stale("198.51.100.1:30053", "198.51.100.1:30053"));
  EXPECT_FALSE(stale("198.51.100.1:53", "198.51.100.1:53"));
}

TEST_F(UdpEventsTest, ADeletedServiceEndsTheFlowsToItsClusterIp) {
  const Cluster before = with_endpoints({endpoint("10.180.0.1")});
  Cluster after = before;
  after.services.clear();
  ASSERT_TRUE(looks(before, after));
  EXPECT_TRUE(stale("10.96.0.10:53", "10.180.0.1:5353"));
  EXPECT_FALSE(stale("203.0.113.1:53", "10.180.0.1:5353"));
  // Its endpoints are nobody's by then.
  after.endpoint_slices.clear();
  ASSERT_TRUE(looks(before, after));
  EXPECT_FALSE(stale("203.0.113.1:53", "10.180.0.1:5353"));
}

TEST_F(UdpEventsTest, WhatAnEndpointMustLoseToBeGone) {
  const auto with = [](bool ready, bool serving, const char* node = "node-b") {
    SliceEndpoint made = endpoint("10.180.0.1", node);
    made.ready = ready;
    made.serving = serving;
    made.terminating = !ready;
    return with_endpoints({made, endpoint("10.180.0.2")});
  };
  const auto gone = [&](uint8_t minor, const Cluster& before, const Cluster& after) {
    config_.release_minor = minor;
    return looks(before, after) && stale("10.96.0.10:53", "10.180.0.1:5353");
  };
  const Cluster ready = with(true, true);
  const Cluster leaving = with(false, true);
  const Cluster down = with(false, false);
  const Cluster moved = with(true, true, "node-a");
  // 1.20 knows only ready ones, 1.21 all alike, then being ready counts, then serving.
  const std::map<uint8_t, std::array<bool, 4>> expected = {
      {20, {true, true, true, false}},    {21, {false, false, true, false}},
      {22, {true, true, true, false}},    {28, {true, true, true, false}},
      {29, {false, true, false, true}},   {30, {false, false, false, false}},
      {31, {false, false, false, false}},
  };
  for (const auto& [minor, answers] : expected) {
    SCOPED_TRACE("1." + std::to_string(minor));
    EXPECT_EQ(gone(minor, ready, leaving), answers[0]);
    EXPECT_EQ(gone(minor, ready, down), answers[1]);
    EXPECT_EQ(gone(minor, ready, moved), answers[2]);
    EXPECT_EQ(gone(minor, leaving, down), answers[3]);
  }
}

TEST_F(UdpEventsTest, AnEndpointThatIsNotReadyWakesAServiceOnlyIn121) {
  SliceEndpoint starting = endpoint("10.180.0.1");
  starting.ready = starting.serving = false;
  for (const uint8_t minor : {20, 21, 22, 28, 31}) {
    config_.release_minor = minor;
    EXPECT_EQ(looks(with_endpoints({}), with_endpoints({starting})), minor == 21) << int{minor};
  }
}

TEST_F(UdpEventsTest, OtherChangesEndNothing) {
  Service changed = dns();
  changed.external_ips.clear();
  EXPECT_FALSE(looks(with_endpoints({endpoint("10.180.0.1")}),
                     with_endpoints({endpoint("10.180.0.1")}, changed)));
  EXPECT_FALSE(looks(with_endpoints({endpoint("10.180.0.1")}),
                     with_endpoints({endpoint("10.180.0.1"), endpoint("10.180.0.2")})));
}

}  // namespace
}  // namespace kubeproof::proxier
