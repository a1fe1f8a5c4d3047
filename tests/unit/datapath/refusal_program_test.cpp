// What is answered with an error, what is dropped, and what is left to the stack.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

using RefusalProgram = ProgramTest;

// The port unreachable that Linux makes about `packet`, with the identification of `like`.
Bytes expected_error(Bytes packet, uint8_t ttl, const char* source, const Bytes& like) {
  const Family family = packet[0] >> 4 == 4 ? Family::kIpv4 : Family::kIpv6;
  packet[family == Family::kIpv4 ? 8 : 7] = ttl;
  if (family == Family::kIpv4) store16(packet, 10, ipv4_header_checksum(packet));
  Bytes error =
      *make_icmp_error(packet, IcmpError::port_unreachable(family), *IpAddress::parse(source));
  if (family == Family::kIpv4) {
    store16(error, 4, load16(like, 4));
    store16(error, 10, ipv4_header_checksum(error));
  }
  return error;
}

TEST_F(RefusalProgram, WithoutEndpointsAForwardedPacketIsAnsweredByTheNode) {
  serve(Family::kIpv4, kTcp, {});
  const Bytes packet =
      PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().payload_size(3).build();
  const Ran ran = ingress(kPod1, packet);
  EXPECT_EQ(ran.record.reason, abi::REASON_REJECTED);
  EXPECT_EQ(ran.record.redirect, abi::REDIRECT_NEIGHBOUR);
  EXPECT_EQ(ran.record.redirect_ifindex, kPod1);
  EXPECT_EQ(ran.packet, expected_error(packet, 63, "192.168.0.2", ran.packet));
}

TEST_F(RefusalProgram, AtANodePortItIsAnsweredFromTheAddressContacted) {
  serve(Family::kIpv4, kTcp, {});
  const Bytes packet = PacketBuilder::tcp("203.0.113.7:4000", "192.168.0.2:30080").syn().build();
  const Ran ran = ingress(kEth0, packet);
  EXPECT_EQ(ran.record.redirect_ifindex, kEth0);
  EXPECT_EQ(ran.packet, expected_error(packet, 64, "192.168.0.2", ran.packet));
}

TEST_F(RefusalProgram, TheErrorQuotesNoMoreThanLinuxDoes) {
  serve(Family::kIpv4, kUdp, {});
  const Bytes packet =
      PacketBuilder::udp("10.180.0.9:4000", "10.96.0.10:80").payload_size(1400).build();
  const Ran ran = ingress(kPod1, packet);
  EXPECT_EQ(ran.packet.size(), 576U);
  EXPECT_EQ(ran.packet, expected_error(packet, 63, "192.168.0.2", ran.packet));
}

TEST_F(RefusalProgram, Ipv6IsTheSame) {
  serve(Family::kIpv6, kUdp, {});
  const Bytes packet =
      PacketBuilder::udp("[fd00:180::9]:4000", "[fd00:96::10]:80").payload_size(1400).build();
  const Ran ran = ingress(kPod1, packet);
  EXPECT_EQ(ran.packet.size(), 1280U);
  EXPECT_EQ(ran.packet, expected_error(packet, 63, "2001:db8::2", ran.packet));
}

TEST_F(RefusalProgram, AProcessIsAnsweredThroughLoopback) {
  serve(Family::kIpv4, kTcp, {});
  const Bytes packet = PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn().build();
  const Ran ran = egress_of_host(kEth0, packet);
  EXPECT_EQ(ran.record.redirect, abi::REDIRECT_INGRESS);
  EXPECT_EQ(ran.record.redirect_ifindex, kLo);
  EXPECT_EQ(ran.packet, expected_error(packet, 64, "192.168.0.2", ran.packet));
}

TEST_F(RefusalProgram, WhatTheRouterWouldRefuseIsLeftToIt) {
  serve(Family::kIpv4, kTcp, {});
  const Bytes packet = PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().ttl(1).build();
  const Ran ran = ingress(kPod1, packet);
  EXPECT_EQ(ran.record.reason, abi::PASS_STACK_ANSWERS);
  EXPECT_EQ(ran.packet, packet);
}

TEST_F(RefusalProgram, PolicyLocalWithoutALocalEndpointIsSilent) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.external_traffic_policy = TrafficPolicy::kLocal;
  cluster_.services[web.key] = web;
  const EndpointSlice remote = web_endpoints(Family::kIpv4, kTcp, {"10.180.1.7"}, 8080);
  cluster_.endpoint_slices[remote.key] = remote;
  program();
  const auto from = [&](const char* client, const char* to, uint32_t interface) {
    return ingress(interface, PacketBuilder::tcp(client, to).syn()).record;
  };
  EXPECT_EQ(from("203.0.113.7:4000", "192.168.0.2:30080", kEth0).reason,
            abi::DROP_NO_LOCAL_ENDPOINT);
  EXPECT_EQ(from("203.0.113.7:4000", "203.0.113.80:80", kEth0).reason, abi::DROP_NO_LOCAL_ENDPOINT);
  const auto pod = from("10.180.0.9:4000", "203.0.113.80:80", kPod1);
  EXPECT_EQ(pod.reason, abi::REASON_NEW_FLOW);
  EXPECT_TRUE(pod.flags & abi::TRACE_SHORT_CIRCUIT);
  EXPECT_FALSE(pod.flags & abi::TRACE_MASQUERADE);
}

TEST_F(RefusalProgram, SourceRangesGuardTheBalancersAddressOnly) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.load_balancer_source_ranges = {"203.0.113.0/24"};
  cluster_.services[web.key] = web;
  const EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, {"10.180.0.9"}, 8080);
  cluster_.endpoint_slices[slice.key] = slice;
  program();
  const auto reason = [&](const char* client, const char* to) {
    return ingress(kEth0, PacketBuilder::tcp(client, to).syn()).record.reason;
  };
  EXPECT_EQ(reason("203.0.113.7:4000", "203.0.113.80:80"), abi::REASON_NEW_FLOW);
  EXPECT_EQ(reason("198.18.0.1:4000", "203.0.113.80:80"), abi::DROP_SOURCE_RANGE);
  EXPECT_EQ(reason("198.18.0.1:4000", "192.168.0.2:30080"), abi::REASON_NEW_FLOW);
  EXPECT_EQ(reason("198.18.0.1:4000", "198.51.100.7:80"), abi::REASON_NEW_FLOW);
}

TEST_F(RefusalProgram, ATcpPacketThatCannotStartAFlowIsDroppedInForwarding) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  EXPECT_EQ(
      ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").rst()).record.reason,
      abi::DROP_INVALID);
  EXPECT_EQ(ingress(kEth0, PacketBuilder::tcp("203.0.113.7:4000", "192.168.0.2:30080").rst())
                .record.reason,
            abi::PASS_INVALID);
  EXPECT_EQ(
      ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").ack()).record.reason,
      abi::REASON_NEW_FLOW)
      << "a flow may be picked up in its middle";
}

TEST_F(RefusalProgram, LoopbackStaysClosedToOthers) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  EXPECT_EQ(
      ingress(kEth0, PacketBuilder::tcp("203.0.113.7:4000", "127.0.0.1:30080").syn()).record.reason,
      abi::REASON_NEW_FLOW);
  EXPECT_EQ(
      ingress(kEth0, PacketBuilder::tcp("203.0.113.7:4000", "127.0.0.1:22").syn()).record.reason,
      abi::DROP_LOCALNET);
  EXPECT_EQ(ingress(kEth0, PacketBuilder::icmp_echo("203.0.113.7", "127.0.0.1", 7)).record.reason,
            abi::DROP_LOCALNET);
}

}  // namespace
}  // namespace kubeproof::control
