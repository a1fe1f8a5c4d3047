// What the node's own processes send and receive: translated at one hook, and sent where the stack
// would not have sent it.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/protocol_name.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

using HostProgram = ProgramTest;

TEST_F(HostProgram, IsMasqueradedAndSentTowardTheEndpoint) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  const Ran out =
      egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn());
  EXPECT_EQ(out.record.reason, abi::REASON_NEW_FLOW);
  EXPECT_EQ(out.record.redirect, abi::REDIRECT_NEIGHBOUR);
  EXPECT_EQ(out.record.redirect_ifindex, kPod1);
  EXPECT_EQ(out.view().source.to_string(), "192.168.0.2");
  EXPECT_NE(out.view().source_port, 4000)
      << "--random-fully draws a port even for the same address";
  EXPECT_EQ(out.view().destination_endpoint().to_string(), "10.180.0.9:8080");
  EXPECT_EQ(check_checksums(out.packet).transport, ChecksumState::kRight);

  const Ran again = egress_redirected(kPod1, 0, out);
  EXPECT_EQ(again.record.reason, abi::PASS_ALREADY_DECIDED);
  EXPECT_EQ(again.packet, out.packet);
  EXPECT_EQ(again.mark, 0U);
}

TEST_F(HostProgram, MarksOfOthersMeanNothingAndStay) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  const uint32_t all = ~proxy_.masquerade_mark();
  const Ran out =
      egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn(), all);
  EXPECT_EQ(out.record.reason, abi::REASON_NEW_FLOW);
  EXPECT_EQ(out.mark, all);
  const Ran again = egress_redirected(kPod1, 0, out);
  EXPECT_EQ(again.record.reason, abi::PASS_ALREADY_DECIDED);
  EXPECT_EQ(again.mark, all);
}

TEST_F(HostProgram, RepliesAreRestoredOnArrival) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  const Ran out =
      egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn());
  const std::string source = out.view().source_endpoint().to_string();
  const Ran reply = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:8080", source).syn().ack());
  EXPECT_EQ(reply.record.verdict, abi::VERDICT_PASS);
  EXPECT_EQ(reply.flow(), "10.96.0.10:80 > 192.168.0.2:4000");
}

TEST_F(HostProgram, RepliesFromAnAddressOfTheNodeArriveThroughLoopback) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  const Ran out =
      egress_of_host(kLo, PacketBuilder::tcp("127.0.0.1:4000", "127.0.0.1:30080").syn());
  EXPECT_EQ(out.record.redirect_ifindex, kPod1);
  EXPECT_EQ(out.view().source.to_string(), "192.168.0.2");
  const std::string source = out.view().source_endpoint().to_string();
  const Ran reply = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:8080", source).syn().ack());
  EXPECT_EQ(reply.flow(), "127.0.0.1:30080 > 127.0.0.1:4000");
  EXPECT_EQ(reply.record.redirect, abi::REDIRECT_INGRESS);
  EXPECT_EQ(reply.record.redirect_ifindex, kLo);
}

TEST_F(HostProgram, AnEndpointOnTheNodeIsReachedThroughLoopback) {
  serve(Family::kIpv4, kTcp, {"192.168.0.2"});
  const Ran out =
      egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn());
  EXPECT_EQ(out.record.redirect, abi::REDIRECT_INGRESS);
  EXPECT_EQ(out.record.redirect_ifindex, kLo);
  const std::string source = out.view().source_endpoint().to_string();
  EXPECT_NE(source, "192.168.0.2:4000");

  const Ran reply = egress_of_host(kLo, PacketBuilder::tcp("192.168.0.2:8080", source).syn().ack());
  EXPECT_EQ(reply.flow(), "10.96.0.10:80 > 192.168.0.2:4000");
  EXPECT_EQ(reply.record.verdict, abi::VERDICT_PASS);
}

TEST_F(HostProgram, Ipv6IsTheSame) {
  serve(Family::kIpv6, kUdp, {"fd00:180::9"});
  const Ran out = egress_of_host(
      kEth0, PacketBuilder::udp("[2001:db8::2]:4000", "[fd00:96::10]:80").payload("x"));
  EXPECT_EQ(out.record.redirect_ifindex, kPod1);
  EXPECT_EQ(out.view().destination_endpoint().to_string(), "[fd00:180::9]:8080");
  EXPECT_EQ(check_checksums(out.packet).transport, ChecksumState::kRight);
}

TEST_F(HostProgram, WhatLeavesForABalancerWithoutEndpointsStaysAsItIs) {
  serve(Family::kIpv4, kTcp, {});
  const Bytes packet = PacketBuilder::tcp("192.168.0.2:4000", "203.0.113.80:80").syn().build();
  const Ran out = egress_of_host(kEth0, packet);
  EXPECT_EQ(out.record.verdict, abi::VERDICT_PASS);
  EXPECT_EQ(out.packet, packet);
}

TEST_F(HostProgram, AConnectionToANodePortIsNotMistakenForAServicesReply) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  // The process happens to send from the number of a node port.
  egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:30080", "203.0.113.7:443").syn());
  const Ran reply =
      ingress(kEth0, PacketBuilder::tcp("203.0.113.7:443", "192.168.0.2:30080").syn().ack());
  EXPECT_EQ(reply.record.reason, abi::REASON_REPLY);
  EXPECT_EQ(reply.flow(), "203.0.113.7:443 > 192.168.0.2:30080");
}

TEST_F(HostProgram, WhatIsTooLongForItsNewLinkIsForwardedByTheStack) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const Ran out = egress_of_host(kLo, PacketBuilder::udp("192.168.0.2:4000", "192.168.0.2:30080")
                                          .payload_size(1600)
                                          .dont_fragment(false));
  EXPECT_EQ(out.record.redirect, abi::REDIRECT_INGRESS);
  EXPECT_EQ(out.record.redirect_ifindex, kLo);
  EXPECT_EQ(out.view().ttl, 65);
  EXPECT_EQ(check_checksums(out.packet).ip_header, ChecksumState::kRight);
}

// What a device or the kernel is yet to cut is as long as its segments.
struct Segments {
  Family family;
  Protocol protocol;
  uint32_t longest;  // payload that fits into 1500 bytes

  PacketBuilder packet() const {
    const bool ipv4 = family == Family::kIpv4;
    const char* from = ipv4 ? "192.168.0.2:4000" : "[2001:db8::2]:4000";
    const char* to = ipv4 ? "192.168.0.2:30080" : "[2001:db8::2]:30080";
    return (protocol == kTcp ? PacketBuilder::tcp(from, to).syn() : PacketBuilder::udp(from, to))
        .payload_size(3000);
  }
};

class UncutProgram : public ProgramTest, public testing::WithParamInterface<Segments> {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    const auto [family, protocol, longest] = GetParam();
    serve(family, protocol, {family == Family::kIpv4 ? "10.180.0.9" : "fd00:180::9"});
  }
};

TEST_P(UncutProgram, GoesToTheLinkThatItsSegmentsFit) {
  const Ran out = egress_of_host_uncut(kLo, GetParam().packet(), GetParam().longest);
  EXPECT_EQ(out.record.redirect, abi::REDIRECT_NEIGHBOUR);
  EXPECT_EQ(out.record.redirect_ifindex, kPod1);
}

TEST_P(UncutProgram, GoesToTheStackWhereTheyAreTooLong) {
  const Ran out = egress_of_host_uncut(kLo, GetParam().packet(), GetParam().longest + 1);
  EXPECT_EQ(out.record.redirect, abi::REDIRECT_INGRESS);
  EXPECT_EQ(out.record.redirect_ifindex, kLo);
}

INSTANTIATE_TEST_SUITE_P(, UncutProgram,
                         testing::Values(Segments{Family::kIpv4, kTcp, 1460},
                                         Segments{Family::kIpv6, kTcp, 1440},
                                         Segments{Family::kIpv4, kUdp, 1472},
                                         Segments{Family::kIpv6, kUdp, 1452}),
                         [](const auto& info) {
                           return protocol_name(info.param.protocol) +
                                  (info.param.family == Family::kIpv4 ? "Ipv4" : "Ipv6");
                         });

}  // namespace
}  // namespace kubeproof::control
