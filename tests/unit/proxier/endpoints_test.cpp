#include "model/proxier/endpoints.h"

#include <gtest/gtest.h>

#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

const Service kService = service("ns", "svc", "10.96.0.10");

std::vector<Endpoint> endpoints_of(const std::vector<EndpointSlice>& slices,
                                   Family family = Family::kIpv4, uint8_t minor = 36) {
  ProxyConfig config;
  config.release_minor = minor;
  NodeIdentity node;
  node.name = "node-a";
  node.zone = "zone-a";
  const auto all = endpoints_by_port(cluster({kService}, slices), family, node, Release(config));
  const auto found = all.find({{"ns", "svc"}, "p80", kTcp});
  return found == all.end() ? std::vector<Endpoint>() : found->second;
}

std::vector<std::string> ids(const std::vector<Endpoint>& endpoints) {
  std::vector<std::string> result;
  for (const Endpoint& each : endpoints) result.push_back(each.id);
  return result;
}

EndpointSlice named(EndpointSlice slice, std::string name) {
  slice.key.name = std::move(name);
  return slice;
}

TEST(Endpoints, AreSortedByteByByte) {
  const auto slices = {named(slice(kService, {endpoint("10.0.0.2"), endpoint("10.0.0.10")}), "a"),
                       named(slice(kService, {endpoint("10.0.0.1")}, 8080), "b"),
                       named(slice(kService, {endpoint("10.0.0.1")}, 81), "c"),
                       named(slice(kService, {endpoint("10.0.0.1")}, 80), "d")};
  EXPECT_EQ(ids(endpoints_of(slices)),
            (std::vector<std::string>{"10.0.0.10:80", "10.0.0.1:80", "10.0.0.1:8080", "10.0.0.1:81",
                                      "10.0.0.2:80"}));
}

TEST(Endpoints, HaveTheFirstAddressAloneInCanonicalForm) {
  SliceEndpoint several = endpoint("10.0.0.001");
  several.addresses.push_back("10.0.0.9");
  SliceEndpoint none = endpoint("10.0.0.2");
  none.addresses.clear();
  EXPECT_EQ(ids(endpoints_of({slice(kService, {several, none})})),
            std::vector<std::string>{"10.0.0.1:80"});
  EXPECT_EQ(ids(endpoints_of({slice(kService, {endpoint("FD00:0::1")})}, Family::kIpv6)),
            std::vector<std::string>{"[fd00::1]:80"});
}

TEST(Endpoints, AreNamedByTheTextOfTheirAddressUpTo130) {
  const auto slices = {slice(kService, {endpoint("FD00:0::1"), endpoint("fd00::1")})};
  const auto older = endpoints_of(slices, Family::kIpv6, 30);
  EXPECT_EQ(ids(older), (std::vector<std::string>{"[FD00:0::1]:80", "[fd00::1]:80"}));
  EXPECT_EQ(older[0].address, older[1].address);
  EXPECT_EQ(ids(endpoints_of(slices, Family::kIpv6, 31)), std::vector<std::string>{"[fd00::1]:80"});
  EXPECT_EQ(ids(endpoints_of({slice(kService, {endpoint("10.0.0.001")})}, Family::kIpv4, 30)),
            std::vector<std::string>{"10.0.0.1:80"});
}

TEST(Endpoints, NeedAPortWithNameAndNumber) {
  EndpointSlice without_name = slice(kService, {endpoint("10.0.0.1")});
  without_name.ports[0].name.reset();
  EXPECT_TRUE(endpoints_of({without_name}).empty());
  EndpointSlice without_number = slice(kService, {endpoint("10.0.0.1")});
  without_number.ports[0].port.reset();
  EXPECT_TRUE(endpoints_of({without_number}).empty());
  EXPECT_TRUE(endpoints_of({slice(kService, {endpoint("10.0.0.1")}, 0)}).empty());
  EndpointSlice of_other_protocol = slice(kService, {endpoint("10.0.0.1")});
  of_other_protocol.ports[0].protocol = kUdp;
  EXPECT_TRUE(endpoints_of({of_other_protocol}).empty());
}

TEST(Endpoints, ComeFromSlicesOfTheServiceAndFamily) {
  EndpointSlice unlabelled = slice(kService, {endpoint("10.0.0.1")});
  unlabelled.labels.clear();
  EXPECT_TRUE(endpoints_of({unlabelled}).empty());
  EXPECT_TRUE(endpoints_of({slice(kService, {endpoint("10.0.0.1")})}, Family::kIpv6).empty());
  EndpointSlice fqdn = slice(kService, {endpoint("10.0.0.1")});
  fqdn.address_type = SliceAddressType::kFqdn;
  EXPECT_TRUE(endpoints_of({fqdn}).empty());
  EndpointSlice elsewhere = slice(kService, {endpoint("10.0.0.1")});
  elsewhere.key.name_space = "other";
  EXPECT_TRUE(endpoints_of({elsewhere}).empty());
}

TEST(Endpoints, ComeFromSlicesWithoutAHidingLabel) {
  EndpointSlice headless = slice(kService, {endpoint("10.0.0.1")});
  headless.labels["service.kubernetes.io/headless"] = "";
  EXPECT_TRUE(endpoints_of({headless}).empty());
  EndpointSlice of_another_proxy = slice(kService, {endpoint("10.0.0.1")});
  of_another_proxy.labels["service.kubernetes.io/service-proxy-name"] = "x";
  EXPECT_EQ(endpoints_of({of_another_proxy}).size(), 1U);
  EXPECT_TRUE(endpoints_of({of_another_proxy}, Family::kIpv4, 35).empty());
}

TEST(Endpoints, AreLocalByTheNodesName) {
  SliceEndpoint nowhere = endpoint("10.0.0.3");
  nowhere.node_name.reset();
  const auto all = endpoints_of(
      {slice(kService, {endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b"), nowhere})});
  EXPECT_TRUE(all[0].local);
  EXPECT_FALSE(all[1].local);
  EXPECT_FALSE(all[2].local);
}

TEST(Endpoints, KnowWhetherHintsNameTheNodeOrItsZone) {
  SliceEndpoint hinted = endpoint("10.0.0.1");
  hinted.zone_hints = {"zone-b", "zone-a"};
  hinted.node_hints = {"node-b"};
  const Endpoint one = endpoints_of({slice(kService, {hinted})})[0];
  EXPECT_TRUE(one.has_zone_hints);
  EXPECT_TRUE(one.hinted_to_zone);
  EXPECT_TRUE(one.has_node_hints);
  EXPECT_FALSE(one.hinted_to_node);
  EXPECT_FALSE(endpoints_of({slice(kService, {hinted})}, Family::kIpv4, 33)[0].has_node_hints);
}

// The same endpoint in two slices, the second of them changed by `change`.
template <class Change>
Endpoint later_of_two(Change change, uint8_t minor = 36) {
  SliceEndpoint later = endpoint("10.0.0.1");
  change(later);
  const auto all = endpoints_of(
      {named(slice(kService, {endpoint("10.0.0.1")}), "a"), named(slice(kService, {later}), "b")},
      Family::kIpv4, minor);
  EXPECT_EQ(all.size(), 1U);
  return all[0];
}

TEST(Endpoints, AreReplacedByALaterEqualThatDoesNotTerminate) {
  EXPECT_TRUE(later_of_two([](SliceEndpoint& e) { e.node_name = "node-a"; }).local);
  EXPECT_FALSE(later_of_two([](SliceEndpoint& e) { e.terminating = true; }).terminating);
}

TEST(Endpoints, WereReplacedByALaterLocalEqualUpTo135) {
  EXPECT_TRUE(later_of_two([](SliceEndpoint& e) { e.node_name = "node-a"; }, 35).local);
  EXPECT_TRUE(later_of_two([](SliceEndpoint& e) { e.ready = false; }, 35).ready);
}

TEST(Endpoints, ThatAreNotReadyWereUnknownIn120) {
  SliceEndpoint starting = endpoint("10.0.0.1");
  starting.ready = false;
  const auto slices = {slice(kService, {starting, endpoint("10.0.0.2")})};
  EXPECT_EQ(ids(endpoints_of(slices, Family::kIpv4, 20)), std::vector<std::string>{"10.0.0.2:80"});
  EXPECT_EQ(endpoints_of(slices, Family::kIpv4, 21).size(), 2U);
}

TEST(Endpoints, HadOnePortOfAnAddressUpTo121) {
  const auto slices = {named(slice(kService, {endpoint("10.0.0.1")}, 80), "a"),
                       named(slice(kService, {endpoint("10.0.0.1")}, 81), "b")};
  EXPECT_EQ(ids(endpoints_of(slices, Family::kIpv4, 21)), std::vector<std::string>{"10.0.0.1:80"});
  EXPECT_EQ(endpoints_of(slices, Family::kIpv4, 22).size(), 2U);
}

}  // namespace
}  // namespace kubeproof::proxier
