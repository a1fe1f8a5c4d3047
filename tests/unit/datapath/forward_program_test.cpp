// Packets from interfaces: destinations change at ingress, sources at egress, replies the same way
// back.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

using ForwardProgram = ProgramTest;

constexpr ChecksumReport kAllRight{.ip_header = ChecksumState::kRight,
                                   .transport = ChecksumState::kRight};
constexpr ChecksumReport kAllRight6{.transport = ChecksumState::kRight};

TEST_F(ForwardProgram, APodReachesAnEndpointThroughTheClusterIp) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Ran in = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  EXPECT_EQ(in.record.verdict, abi::VERDICT_PASS);
  EXPECT_EQ(in.record.reason, abi::REASON_NEW_FLOW);
  EXPECT_EQ(in.flow(), "10.180.0.9:4000 > 10.180.1.7:8080");
  EXPECT_EQ(check_checksums(in.packet), kAllRight);
  EXPECT_EQ(in.mark, 0U);

  const Ran out = egress_forwarded(kEth0, kPod1, in);
  EXPECT_EQ(out.flow(), "10.180.0.9:4000 > 10.180.1.7:8080");
}

TEST_F(ForwardProgram, TheReplyComesFromTheClusterIp) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  const Ran in =
      ingress(kEth0, PacketBuilder::tcp("10.180.1.7:8080", "10.180.0.9:4000").syn().ack());
  EXPECT_EQ(in.record.reason, abi::REASON_REPLY);
  EXPECT_EQ(in.flow(), "10.180.1.7:8080 > 10.180.0.9:4000");
  const Ran out = egress_forwarded(kPod1, kEth0, in);
  EXPECT_EQ(out.flow(), "10.96.0.10:80 > 10.180.0.9:4000");
  EXPECT_EQ(check_checksums(out.packet), kAllRight);
}

TEST_F(ForwardProgram, ClientsOutsideAreMasqueraded) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  const Ran in = ingress(kEth0, PacketBuilder::tcp("203.0.113.7:4000", "192.168.0.2:30080").syn());
  EXPECT_EQ(in.record.reason, abi::REASON_NEW_FLOW);
  EXPECT_TRUE(in.record.flags & abi::TRACE_MASQUERADE);
  EXPECT_EQ(in.view().source.to_string(), "203.0.113.7");
  EXPECT_EQ(in.view().destination_endpoint().to_string(), "10.180.0.9:8080");
  EXPECT_EQ(in.mark, proxy_.masquerade_mark());
  const uint16_t port = in.view().source_port;
  EXPECT_GE(port, 1024);

  const Ran out = egress_forwarded(kPod1, kEth0, in);
  EXPECT_EQ(out.flow(), fmt::format("192.168.0.2:{} > 10.180.0.9:8080", port));
  EXPECT_EQ(check_checksums(out.packet), kAllRight);
  EXPECT_EQ(out.mark, 0U);

  const Ran reply_in = ingress(
      kPod1,
      PacketBuilder::tcp("10.180.0.9:8080", fmt::format("192.168.0.2:{}", port)).syn().ack());
  EXPECT_EQ(reply_in.flow(), fmt::format("10.180.0.9:8080 > 203.0.113.7:{}", port));
  const Ran reply_out = egress_forwarded(kEth0, kPod1, reply_in);
  EXPECT_EQ(reply_out.flow(), "192.168.0.2:30080 > 203.0.113.7:4000");
  EXPECT_EQ(check_checksums(reply_out.packet), kAllRight);
}

TEST_F(ForwardProgram, Ipv6IsTheSame) {
  serve(Family::kIpv6, kUdp, {"fd00:180::9"});
  const Ran in = ingress(
      kEth0, PacketBuilder::udp("[2001:db8:c::7]:4000", "[2001:db8::2]:30080").payload("x"));
  EXPECT_EQ(in.record.reason, abi::REASON_NEW_FLOW);
  const uint16_t port = in.view().source_port;
  const Ran out = egress_forwarded(kPod1, kEth0, in);
  EXPECT_EQ(out.flow(), fmt::format("[2001:db8::2]:{} > [fd00:180::9]:8080", port));
  EXPECT_EQ(check_checksums(out.packet), kAllRight6);

  const Ran reply_in = ingress(
      kPod1,
      PacketBuilder::udp("[fd00:180::9]:8080", fmt::format("[2001:db8::2]:{}", port)).payload("y"));
  const Ran reply_out = egress_forwarded(kEth0, kPod1, reply_in);
  EXPECT_EQ(reply_out.flow(), "[2001:db8::2]:30080 > [2001:db8:c::7]:4000");
  EXPECT_EQ(check_checksums(reply_out.packet), kAllRight6);
}

TEST_F(ForwardProgram, APodThatReachesItselfIsMasqueraded) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  const Ran in = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  EXPECT_TRUE(in.record.flags & abi::TRACE_HAIRPIN);
  EXPECT_TRUE(in.record.flags & abi::TRACE_MASQUERADE);
  const Ran out = egress_forwarded(kPod1, kPod1, in);
  EXPECT_EQ(out.view().source.to_string(), "192.168.0.2");
}

TEST_F(ForwardProgram, AnEndpointOfTheNodeItselfSeesTheClient) {
  serve(Family::kIpv4, kTcp, {"192.168.0.2"});
  const Ran in = ingress(kEth0, PacketBuilder::tcp("203.0.113.7:4000", "192.168.0.2:30080").syn());
  EXPECT_EQ(in.record.verdict, abi::VERDICT_PASS);
  EXPECT_EQ(in.flow(), "203.0.113.7:4000 > 192.168.0.2:8080");
  const Ran reply =
      egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:8080", "203.0.113.7:4000").syn().ack());
  EXPECT_EQ(reply.flow(), "192.168.0.2:30080 > 203.0.113.7:4000");
  EXPECT_EQ(reply.record.verdict, abi::VERDICT_PASS);
}

TEST_F(ForwardProgram, AUdpChecksumOfZeroStays) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const Ran in = ingress(
      kEth0,
      PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080").payload("x").no_checksum());
  const Ran out = egress_forwarded(kPod1, kEth0, in);
  EXPECT_EQ(check_checksums(out.packet).transport, ChecksumState::kAbsent);
  EXPECT_EQ(check_checksums(out.packet).ip_header, ChecksumState::kRight);
}

TEST_F(ForwardProgram, WhatConcernsNoServicePassesUntouched) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Bytes packet = PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:81").syn().build();
  const Ran in = ingress(kPod1, packet);
  EXPECT_EQ(in.record.reason, abi::REASON_NEW_DIRECT_FLOW);
  EXPECT_EQ(in.packet, packet);
}

TEST_F(ForwardProgram, TwoFrontendsNeverShareATupleToOneEndpoint) {
  proxy_.cluster_cidrs.clear();  // no masquerade for cluster IPs
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Service other = web_service(Family::kIpv4, kTcp);
  other.key.name = "other";
  other.cluster_ip = "10.96.0.11";
  other.cluster_ips = {other.cluster_ip};
  other.external_ips.clear();
  other.load_balancer_ingress.clear();
  other.ports[0].node_port = 0;
  EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, {"10.180.1.7"}, 8080);
  slice.key.name = "other-abc";
  slice.labels["kubernetes.io/service-name"] = "other";
  cluster_.services[other.key] = other;
  cluster_.endpoint_slices[slice.key] = slice;
  program();

  const Ran first = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  EXPECT_EQ(first.view().source_port, 4000);
  const Ran second = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.11:80").syn());
  EXPECT_NE(second.view().source_port, 4000);
  EXPECT_TRUE(second.record.flags & abi::TRACE_PORT_REDRAWN);
  const uint16_t port = second.view().source_port;

  const Ran reply = ingress(
      kEth0, PacketBuilder::tcp("10.180.1.7:8080", fmt::format("10.180.0.9:{}", port)).syn().ack());
  const Ran out = egress_forwarded(kPod1, kEth0, reply);
  EXPECT_EQ(out.flow(), "10.96.0.11:80 > 10.180.0.9:4000");
}

TEST_F(ForwardProgram, AFlowStraightToAnEndpointKeepsClearOfAServicesFlow) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  const Ran direct = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.180.1.7:8080").syn());
  EXPECT_EQ(direct.record.reason, abi::REASON_NEW_DIRECT_FLOW);
  EXPECT_NE(direct.view().source_port, 4000);
  const uint16_t port = direct.view().source_port;
  const Ran reply = ingress(
      kEth0, PacketBuilder::tcp("10.180.1.7:8080", fmt::format("10.180.0.9:{}", port)).syn().ack());
  EXPECT_EQ(egress_forwarded(kPod1, kEth0, reply).flow(), "10.180.1.7:8080 > 10.180.0.9:4000");
}

TEST_F(ForwardProgram, AFlowStaysOnItsEndpointWhenEndpointsChange) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  serve(Family::kIpv4, kTcp, {"10.180.1.8"});
  const Ran again = ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  EXPECT_EQ(again.record.reason, abi::REASON_ORIGINAL);
  EXPECT_EQ(again.view().destination.to_string(), "10.180.1.7");
}

}  // namespace
}  // namespace kubeproof::control
