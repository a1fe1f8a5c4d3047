#include "datapath/control/endpoint_watch.h"

#include <gtest/gtest.h>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

class EndpointWatchTest : public ::testing::Test {
 protected:
  EndpointWatchTest() : udp_(slice("dns", 53, {endpoint("10.0.0.1", "node-b")})) {
    udp_.ports[0].protocol = kUdp;
  }

  std::set<Family> note(const std::vector<const EndpointSlice*>& slices) {
    return watch_.note({"default", "dns"}, slices, {.name = "node-a", .zone = "zone-a"},
                       Release(ProxyConfig()));
  }

  const std::set<Family> none_;
  const std::set<Family> ipv4_ = {Family::kIpv4};
  EndpointSlice udp_;
  EndpointWatch watch_;
};

TEST_F(EndpointWatchTest, TellsOfEndpointsThatComeAndGo) {
  EXPECT_EQ(note({&udp_}), ipv4_);
  EXPECT_EQ(note({&udp_}), none_);
  udp_.endpoints.push_back(endpoint("10.0.0.2", "node-b"));
  EXPECT_EQ(note({&udp_}), ipv4_);
  EXPECT_EQ(note({}), ipv4_);
}

TEST_F(EndpointWatchTest, TellsOfAnyStateOfAnEndpoint) {
  note({&udp_});
  udp_.endpoints[0].terminating = true;
  EXPECT_EQ(note({&udp_}), ipv4_);
  udp_.endpoints[0].zone_hints = {"zone-b"};
  EXPECT_EQ(note({&udp_}), ipv4_);
}

TEST_F(EndpointWatchTest, WhichOtherNodeAnEndpointIsOnDoesNotMatter) {
  note({&udp_});
  udp_.endpoints[0].node_name = "node-c";
  EXPECT_EQ(note({&udp_}), none_);
  udp_.endpoints[0].node_name = "node-a";
  EXPECT_EQ(note({&udp_}), ipv4_);
}

TEST_F(EndpointWatchTest, AnyPortOfAServiceWithUdpCounts) {
  const EndpointSlice tcp = slice("dns", 53, {endpoint("10.0.0.1", "node-b")});
  EXPECT_EQ(note({&tcp}), none_);
  note({&tcp, &udp_});
  EndpointSlice changed = tcp;
  changed.endpoints.clear();
  EXPECT_EQ(note({&changed, &udp_}), ipv4_);
}

TEST_F(EndpointWatchTest, TheOtherFamilyIsNotTold) {
  EndpointSlice ipv6 = udp_;
  ipv6.address_type = SliceAddressType::kIpv6;
  ipv6.endpoints = {endpoint("fd00::1", "node-b")};
  note({&udp_, &ipv6});
  ipv6.endpoints.clear();
  EXPECT_EQ(note({&udp_, &ipv6}), std::set<Family>{Family::kIpv6});
}

}  // namespace
}  // namespace kubeproof::control
