// What the program at XDP leaves to tc: each reason, with the packet as it came and no trace of it
// in the maps.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "tests/unit/datapath/xdp_fixture.h"

namespace kubeproof::control {
namespace {

constexpr const char* kClient = "203.0.113.7:4000";
constexpr const char* kNodePort = "192.168.0.2:30080";
constexpr const char* kClient6 = "[2001:db8:c::7]:4000";
constexpr const char* kNodePort6 = "[2001:db8::2]:30080";

class XdpLeave : public XdpProgramTest {
 protected:
  void expect_left(const PacketBuilder& packet, abi::reason reason) {
    expect_left(packet.build(), reason);
  }
  void expect_left(const Bytes& packet, abi::reason reason) {
    const Ran ran = xdp(packet);
    EXPECT_EQ(ran.verdict, XDP_PASS);
    EXPECT_EQ(ran.record.verdict, abi::VERDICT_PASS);
    EXPECT_EQ(ran.record.reason, reason);
    EXPECT_EQ(ran.packet, packet);
    EXPECT_EQ(ran.frame_header[0], 0);
    // Nothing was noted that collection would find once all time is over.
    EXPECT_EQ(entries(), entries_before_);
  }
  // The number of entries of flows that there are, all of which end with this.
  size_t entries() {
    advance(std::chrono::hours(24 * 10));
    return datapath_->collect_garbage();
  }

  size_t entries_before_ = 0;
};

PacketBuilder syn() {
  return PacketBuilder::tcp(kClient, kNodePort).syn();
}

TEST_F(XdpLeave, EndpointsOnThisNode) {
  serve(Family::kIpv4, kTcp, {"10.180.0.9"});
  expect_left(syn(), abi::LEFT_OTHER_LINK);
  serve(Family::kIpv4, kTcp, {"192.168.0.2"});
  expect_left(syn(), abi::LEFT_LOCAL);
}

TEST_F(XdpLeave, WhatIsOfNoService) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  expect_left(PacketBuilder::tcp(kClient, "192.168.0.2:22").syn(), abi::LEFT_UNSERVED);
  expect_left(PacketBuilder::tcp(kClient, "10.180.0.9:80").syn(), abi::LEFT_UNSERVED);
  expect_left(PacketBuilder::udp(kClient, kNodePort), abi::LEFT_UNSERVED);
  expect_left(PacketBuilder::tcp(kClient, "224.0.0.1:80").syn(), abi::PASS_SPECIAL_DESTINATION);
}

TEST_F(XdpLeave, WhatIsRefused) {
  serve(Family::kIpv4, kTcp, {});
  expect_left(syn(), abi::LEFT_UNSERVED);
  Service web = web_service(Family::kIpv4, kTcp);
  web.load_balancer_source_ranges = {"198.51.100.0/24"};
  const EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, {"10.180.1.7"}, 8080);
  cluster_.services[web.key] = web;
  cluster_.endpoint_slices[slice.key] = slice;
  program();
  expect_left(PacketBuilder::tcp(kClient, "203.0.113.80:80").syn(), abi::LEFT_UNSERVED);
}

TEST_F(XdpLeave, EndpointsBehindAFrontendThatRefuses) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Service other = web_service(Family::kIpv4, kTcp);
  other.key = {"default", "other"};
  other.cluster_ip = "10.180.1.7";
  other.cluster_ips = {"10.180.1.7"};
  other.ports[0].port = 8080;
  other.ports[0].node_port = 0;
  other.external_ips = {};
  other.load_balancer_ingress = {};
  cluster_.services[other.key] = other;
  proxy_.cluster_cidrs = {};
  program();
  expect_left(PacketBuilder::tcp(kClient, "10.96.0.10:80").syn(), abi::LEFT_REFUSED);
}

TEST_F(XdpLeave, Fragments) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  for (const Bytes& fragment : PacketBuilder::udp(kClient, kNodePort)
                                   .payload_size(1200)
                                   .dont_fragment(false)
                                   .build_fragments(1000)) {
    expect_left(fragment, abi::LEFT_FRAGMENT);
  }
}

TEST_F(XdpLeave, OptionsAndExtensionHeaders) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Bytes options = {7, 7, 4, 0, 0, 0, 0, 0};
  expect_left(syn().ip_options(options), abi::LEFT_OPTIONS);
  serve(Family::kIpv6, kTcp, {"fd00:180:1::7"});
  expect_left(PacketBuilder::tcp(kClient6, kNodePort6).extension(60).syn(), abi::LEFT_OPTIONS);
}

TEST_F(XdpLeave, IcmpErrorsAndEcho) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  expect_left(PacketBuilder::icmp_echo("203.0.113.7", "192.168.0.2", 7), abi::LEFT_PROTOCOL);
  expect_left(PacketBuilder::ip("203.0.113.7", "192.168.0.2", 47), abi::LEFT_PROTOCOL);
}

TEST_F(XdpLeave, WhatTheStackRefusesToForward) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  expect_left(syn().ttl(1), abi::PASS_STACK_ANSWERS);
  expect_left(syn().ttl(0), abi::PASS_STACK_ANSWERS);
  expect_left(PacketBuilder::tcp("127.0.0.1:4000", kNodePort).syn(), abi::PASS_MARTIAN);
  expect_left(PacketBuilder::tcp("192.168.0.2:4000", kNodePort).syn(), abi::PASS_MARTIAN);
  expect_left(syn().payload_size(1600).dont_fragment(true), abi::PASS_STACK_ANSWERS);
  expect_left(syn().payload_size(1600).dont_fragment(false), abi::LEFT_TOO_LONG);
  serve(Family::kIpv6, kTcp, {"fd00:180:1::7"});
  expect_left(PacketBuilder::tcp(kClient6, kNodePort6).payload_size(1600).syn(),
              abi::PASS_STACK_ANSWERS);
  for (const char* source :
       {"[::]:4000", "[fe80::7]:4000", "[::ffff:1.2.3.4]:4000", "[::1]:4000", "[ff02::7]:4000"}) {
    expect_left(
        PacketBuilder::tcp(*SocketAddress::parse(source), *SocketAddress::parse(kNodePort6)).syn(),
        abi::PASS_MARTIAN);
  }
}

TEST_F(XdpLeave, NextHopsThatAreNotKnown) {
  // On the link itself. (In IPv4 all that a TUN device leads to are one neighbour to the kernel.)
  serve(Family::kIpv6, kTcp, {"2001:db8::77"});
  const auto packet = PacketBuilder::tcp(kClient6, kNodePort6).syn();
  expect_left(packet, abi::LEFT_NO_NEIGHBOUR);
  know_neighbour("2001:db8::77");
  EXPECT_EQ(xdp(packet).verdict, XDP_TX);
}

TEST_F(XdpLeave, WrongAndUnfinishedChecksums) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  expect_left(syn().bad_transport_checksum(), abi::LEFT_CHECKSUM);
  expect_left(syn().partial_checksum(), abi::LEFT_CHECKSUM);
  expect_left(syn().bad_header_checksum(), abi::PASS_MALFORMED);
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  expect_left(PacketBuilder::udp(kClient, kNodePort).payload("x").bad_transport_checksum(),
              abi::LEFT_CHECKSUM);
}

TEST_F(XdpLeave, WhatConnectionTrackingCallsInvalid) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  expect_left(PacketBuilder::tcp(kClient, kNodePort).syn().rst(), abi::LEFT_INVALID);
  expect_left(PacketBuilder::tcp(kClient, kNodePort).rst(), abi::LEFT_INVALID);
  expect_left(PacketBuilder::tcp(kClient, kNodePort).flags(0), abi::LEFT_INVALID);
}

TEST_F(XdpLeave, CutAndLengthenedPackets) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Bytes cut = syn().build();
  cut.resize(30);
  expect_left(cut, abi::PASS_MALFORMED);
  expect_left(syn().payload_size(100).trailer(4), abi::LEFT_TRAILER);
  // Padding of a short frame is none of the packet, and goes with it.
  Bytes padded = syn().build();
  padded.resize(46);
  EXPECT_EQ(xdp(padded).verdict, XDP_TX);
}

TEST_F(XdpLeave, FramesThatAreNotForTheNode) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Bytes frame;
  put_frame(syn().build(), frame);
  Bytes other = frame;
  other[5] = 9;
  EXPECT_EQ(xdp_frame(other).record.reason, abi::PASS_OTHER_HOST);
  Bytes tagged = frame;
  const Bytes tag = {0x81, 0, 0, 5};
  tagged.insert(tagged.begin() + 12, tag.begin(), tag.end());
  EXPECT_EQ(xdp_frame(tagged).record.reason, abi::PASS_VLAN);
  Bytes arp = frame;
  store16(arp, 12, 0x0806);
  EXPECT_EQ(xdp_frame(arp).record.reason, abi::PASS_NOT_IP);
}

TEST_F(XdpLeave, InterfacesWithoutIt) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ASSERT_TRUE(datapath_->allow_xdp(kEth0, false));
  expect_left(syn(), abi::LEFT_OTHER_LINK);
}

TEST_F(XdpLeave, FlowsOfTheNodeAndItsPods) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  // A pod's: its reply leads to a link without XDP.
  ingress(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn());
  const auto to_pod = PacketBuilder::tcp("10.180.1.7:8080", "10.180.0.9:4000").syn().ack(1);
  EXPECT_EQ(xdp(to_pod).record.reason, abi::LEFT_OTHER_LINK);
  EXPECT_EQ(ingress(kEth0, to_pod).record.reason, abi::REASON_REPLY);
  // The node's own.
  const Ran own =
      egress_of_host(kEth0, PacketBuilder::tcp("192.168.0.2:4001", "10.96.0.10:80").syn());
  const auto to_host =
      PacketBuilder::tcp("10.180.1.7:8080", fmt::format("192.168.0.2:{}", own.view().source_port))
          .syn()
          .ack(1);
  EXPECT_EQ(xdp(to_host).record.reason, abi::LEFT_LOCAL);
  EXPECT_EQ(ingress(kEth0, to_host).record.reason, abi::REASON_REPLY);
}

TEST_F(XdpLeave, InvalidPacketsOfAKnownFlowLeaveItAsItWas) {
  serve(Family::kIpv4, kSctp, {"10.180.1.7"});
  const auto chunk = [](uint8_t type, uint8_t last) {
    Bytes bytes(20);
    bytes[0] = type;
    bytes[3] = 20;
    bytes[7] = last;
    return bytes;
  };
  const auto client = [](const Bytes& chunks, uint32_t tag) {
    return PacketBuilder::sctp(kClient, kNodePort).payload(ByteView(chunks)).seq(tag);
  };
  EXPECT_EQ(xdp(client(chunk(1, 5), 0)).record.reason, abi::REASON_NEW_FLOW);
  // COOKIE ECHO under a tag that nobody gave out.
  EXPECT_EQ(xdp(client(chunk(10, 0), 77)).record.reason, abi::LEFT_INVALID);
  EXPECT_EQ(ingress(kEth0, client(chunk(10, 0), 77)).record.reason, abi::PASS_INVALID);
}

}  // namespace
}  // namespace kubeproof::control
