#include "datapath/control/endpoint_sets.h"

#include <gtest/gtest.h>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

const NodePlace kNode{"node-a", "zone-1"};

std::string texts(const std::vector<SocketAddress>& addresses) {
  std::string result;
  for (const SocketAddress& address : addresses) result += address.to_string() + " ";
  return result;
}

Release release_of(uint8_t minor) {
  ProxyConfig proxy;
  proxy.release_minor = minor;
  return Release(proxy);
}

EndpointSets choose(const std::vector<EndpointSlice>& slices, uint8_t minor = 36) {
  std::vector<const EndpointSlice*> pointers;
  for (const EndpointSlice& slice : slices) pointers.push_back(&slice);
  return choose_endpoints(pointers, Family::kIpv4, ServicePort{}, kNode, release_of(minor));
}

TEST(EndpointSets, ReadyEndpointsServeBothPolicies) {
  const auto sets = choose(
      {slice("web", 8080, {endpoint("10.0.0.1", "node-a"), endpoint("10.0.1.1", "node-b")})});
  EXPECT_EQ(texts(sets.cluster), "10.0.0.1:8080 10.0.1.1:8080 ");
  EXPECT_EQ(texts(sets.local), "10.0.0.1:8080 ");
  EXPECT_TRUE(sets.usable);
}

TEST(EndpointSets, DrainingOnesServeOnlyWhereNoneIsReady) {
  const auto local_drains = choose({slice(
      "web", 80, {draining(endpoint("10.0.0.1", "node-a")), endpoint("10.0.1.1", "node-b")})});
  EXPECT_EQ(texts(local_drains.cluster), "10.0.1.1:80 ");
  EXPECT_EQ(texts(local_drains.local), "10.0.0.1:80 ");

  const auto all_drain = choose({slice("web", 80, {draining(endpoint("10.0.1.1", "node-b"))})});
  EXPECT_EQ(texts(all_drain.cluster), "10.0.1.1:80 ");
  EXPECT_EQ(texts(all_drain.local), "");
}

TEST(EndpointSets, NotReadyOnesNeverServe) {
  SliceEndpoint starting = endpoint("10.0.0.1", "node-a");
  starting.ready = false;
  const auto sets = choose({slice("web", 80, {starting})});
  EXPECT_TRUE(sets.cluster.empty());
  EXPECT_FALSE(sets.usable);
  EXPECT_EQ(texts(sets.serving), "10.0.0.1:80 ");
}

TEST(EndpointSets, AnEndpointThatGoesAwayDoesNotReplaceOneThatStays) {
  const auto sets = choose({slice("web", 80, {endpoint("10.0.0.1", "node-a")}),
                            slice("web", 80, {draining(endpoint("10.0.0.1", "node-a"))})});
  EXPECT_EQ(texts(sets.local), "10.0.0.1:80 ");
  EXPECT_EQ(texts(sets.cluster), "10.0.0.1:80 ");
}

TEST(EndpointSets, ZoneHintsNarrowOnlyWhenEveryReadyEndpointHasThem) {
  SliceEndpoint ours = endpoint("10.0.0.1", "node-b");
  ours.zone_hints = {"zone-1"};
  SliceEndpoint theirs = endpoint("10.0.0.2", "node-c");
  theirs.zone_hints = {"zone-2"};
  EXPECT_EQ(texts(choose({slice("web", 80, {ours, theirs})}).cluster), "10.0.0.1:80 ");

  theirs.zone_hints.clear();
  EXPECT_EQ(texts(choose({slice("web", 80, {ours, theirs})}).cluster), "10.0.0.1:80 10.0.0.2:80 ");
}

TEST(EndpointSets, NodeHintsComeBeforeZoneHints) {
  SliceEndpoint same_node = endpoint("10.0.0.1", "node-a");
  same_node.node_hints = {"node-a"};
  same_node.zone_hints = {"zone-1"};
  SliceEndpoint same_zone = endpoint("10.0.0.2", "node-b");
  same_zone.node_hints = {"node-b"};
  same_zone.zone_hints = {"zone-1"};
  EXPECT_EQ(texts(choose({slice("web", 80, {same_node, same_zone})}).cluster), "10.0.0.1:80 ");
}

TEST(EndpointSets, PortsJoinByNameAndProtocol) {
  EndpointSlice other = slice("web", 80, {endpoint("10.0.0.1", "node-a")});
  other.ports[0].name = "metrics";
  EXPECT_TRUE(choose({other}).serving.empty());
  other.ports[0].name = "";
  other.ports[0].protocol = kUdp;
  EXPECT_TRUE(choose({other}).serving.empty());
}

TEST(ServiceOf, SlicesWithoutAServiceOrOfHeadlessOnesAreNoOnes) {
  EndpointSlice headless = slice("web", 80, {});
  EXPECT_EQ(service_of(headless), (ObjectKey{"default", "web"}));
  headless.labels["service.kubernetes.io/headless"] = "";
  EXPECT_EQ(service_of(headless), std::nullopt);
  EXPECT_EQ(service_of(slice("", 80, {})), std::nullopt);
}

TEST(EndpointSets, HintsForNodesCountSince134) {
  SliceEndpoint ours = endpoint("10.0.0.1", "node-b");
  ours.node_hints = {"node-a"};
  SliceEndpoint theirs = endpoint("10.0.0.2", "node-b");
  theirs.node_hints = {"node-b"};
  const std::vector<EndpointSlice> slices = {slice("web", 80, {ours, theirs})};
  EXPECT_EQ(choose(slices, 34).cluster.size(), 1U);
  EXPECT_EQ(choose(slices, 33).cluster.size(), 2U);
}

TEST(EndpointSets, OfTwoAlikeTheLocalOneWonUpTo135) {
  const auto local_last = [](uint8_t minor) {
    return choose({slice("web", 80, {endpoint("10.0.0.1", "node-b")}),
                   slice("web", 80, {draining(endpoint("10.0.0.1", "node-a"))})},
                  minor);
  };
  EXPECT_EQ(texts(local_last(35).local), "10.0.0.1:80 ");
  EXPECT_EQ(texts(local_last(36).local), "");
}

TEST(EndpointSets, SlicesOfOtherProxiesWereNoOnesUpTo135) {
  EndpointSlice others = slice("web", 80, {endpoint("10.0.0.1", "node-b")});
  others.labels["service.kubernetes.io/service-proxy-name"] = "other";
  EXPECT_FALSE(choose({others}, 35).usable);
  EXPECT_TRUE(choose({others}, 36).usable);
}

TEST(Release, IsOfferedFrom132To136) {
  for (const uint8_t minor : {32, 36}) EXPECT_TRUE(release_of(minor).check_offered());
  for (const uint8_t minor : {20, 31, 37}) {
    const auto refused = release_of(minor).check_offered();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kEnvironment);
    EXPECT_NE(refused.error().message.find("v1." + std::to_string(minor)), std::string::npos);
  }
}

}  // namespace
}  // namespace kubeproof::control
