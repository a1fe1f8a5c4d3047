// Fragments: only the first has ports, and all go the way of the first.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

class FragmentProgram : public ProgramTest {
 protected:
  static std::vector<Bytes> datagram(const std::string& to) {
    return PacketBuilder::udp("203.0.113.7:4000", to)
        .payload_size(2000)
        .dont_fragment(false)
        .build_fragments(1000);
  }
};

TEST_F(FragmentProgram, LaterOnesFollowTheFirst) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto fragments = datagram("192.168.0.2:30080");
  const Ran first = ingress(kEth0, fragments[0]);
  const Ran second = ingress(kEth0, fragments[1]);
  EXPECT_EQ(second.view().destination.to_string(), "10.180.0.9");
  const Ran first_out = egress_forwarded(kPod1, kEth0, first);
  const Ran second_out = egress_forwarded(kPod1, kEth0, second);
  EXPECT_EQ(first_out.view().source.to_string(), "192.168.0.2");
  EXPECT_EQ(second_out.view().source.to_string(), "192.168.0.2");
  EXPECT_EQ(check_checksums(second_out.packet).ip_header, ChecksumState::kRight);
}

TEST_F(FragmentProgram, LaterOnesOfADroppedFirstAreDropped) {
  cluster_.services.clear();
  Service web = web_service(Family::kIpv4, kUdp);
  web.external_traffic_policy = TrafficPolicy::kLocal;
  const EndpointSlice slice = web_endpoints(Family::kIpv4, kUdp, {"10.180.1.7"}, 8080);
  cluster_.services[web.key] = web;
  cluster_.endpoint_slices[slice.key] = slice;
  program();
  const auto fragments = datagram("198.51.100.7:80");
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::DROP_NO_LOCAL_ENDPOINT);
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_FRAGMENT);
}

TEST_F(FragmentProgram, LaterOnesOfARejectedFirstAreDropped) {
  serve(Family::kIpv4, kUdp, {});
  const auto fragments = datagram("198.51.100.7:80");
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::REASON_REJECTED);
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_FRAGMENT);
}

TEST_F(FragmentProgram, WhatWasRememberedIsForgottenWithTheDatagram) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto fragments = datagram("192.168.0.2:30080");
  ingress(kEth0, fragments[0]);
  advance(std::chrono::seconds(30));
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::PASS_FRAGMENT);
}

TEST_F(FragmentProgram, TheNodesOwnFollowTheirFirst) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const auto fragments = PacketBuilder::udp("192.168.0.2:4000", "10.96.0.10:80")
                             .payload_size(2000)
                             .dont_fragment(false)
                             .build_fragments(1000);
  for (const Bytes& fragment : fragments) {
    EXPECT_EQ(egress_of_host(kEth0, fragment).view().destination.to_string(), "10.180.1.7");
  }
}

}  // namespace
}  // namespace kubeproof::control
