// What the program at XDP finishes alone: flows from outside to endpoints elsewhere, and their
// replies, as tc ingress, the stack and tc egress would have sent them on together.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <map>
#include <set>

#include "model/packet/checksum.h"
#include "tests/unit/datapath/xdp_fixture.h"

namespace kubeproof::control {
namespace {

class XdpFinish : public XdpProgramTest, public testing::WithParamInterface<Family> {
 protected:
  static std::string by_family(const char* ipv4, const char* ipv6) {
    return GetParam() == Family::kIpv4 ? ipv4 : ipv6;
  }
  static std::string client() { return by_family("203.0.113.7:4000", "[2001:db8:c::7]:4000"); }
  static std::string node_port() { return by_family("192.168.0.2:30080", "[2001:db8::2]:30080"); }
  static std::string pod() { return by_family("10.180.1.7", "fd00:180:1::7"); }
  static std::string server() { return by_family("10.180.1.7:8080", "[fd00:180:1::7]:8080"); }
  static std::string node(uint16_t port) {
    return fmt::format("{}:{}", by_family("192.168.0.2", "[2001:db8::2]"), port);
  }
  static void expect_right_checksums(const Ran& ran) {
    const ChecksumReport report = check_checksums(ran.packet);
    EXPECT_EQ(report.transport, ChecksumState::kRight);
    if (GetParam() == Family::kIpv4) {
      EXPECT_EQ(report.ip_header, ChecksumState::kRight);
    }
  }
};

TEST_P(XdpFinish, ANewFlowIsMasqueradedAndSentBackToTheLink) {
  serve(GetParam(), kTcp, {pod()});
  const Ran sent = xdp(PacketBuilder::tcp(client(), node_port()).ttl(17).syn());
  EXPECT_EQ(sent.verdict, XDP_TX);
  EXPECT_EQ(sent.record.program, abi::PROGRAM_XDP);
  EXPECT_EQ(sent.record.reason, abi::REASON_NEW_FLOW);
  EXPECT_EQ(sent.record.redirect, abi::REDIRECT_TRANSMIT);
  EXPECT_EQ(sent.record.redirect_ifindex, kEth0);
  EXPECT_TRUE(sent.record.flags & abi::TRACE_MASQUERADE);
  EXPECT_EQ(sent.flow(), fmt::format("{} > {}", node(sent.view().source_port), server()));
  EXPECT_GE(sent.view().source_port, 1024);
  EXPECT_EQ(sent.view().ttl, 16);
  expect_right_checksums(sent);
}

TEST_P(XdpFinish, TheReplyComesFromWhereTheClientHadSentTo) {
  serve(GetParam(), kTcp, {pod()});
  const Ran sent = xdp(PacketBuilder::tcp(client(), node_port()).syn());
  const std::string own = node(sent.view().source_port);
  const Ran answer = xdp(PacketBuilder::tcp(server(), own).syn().ack(1).ttl(63));
  EXPECT_EQ(answer.verdict, XDP_TX);
  EXPECT_EQ(answer.record.reason, abi::REASON_REPLY);
  EXPECT_EQ(answer.flow(), node_port() + " > " + client());
  EXPECT_EQ(answer.view().ttl, 62);
  expect_right_checksums(answer);

  const Ran later = xdp(PacketBuilder::tcp(client(), node_port()).ack(1).payload("data"));
  EXPECT_EQ(later.record.reason, abi::REASON_ORIGINAL);
  EXPECT_EQ(later.flow(), own + " > " + server());
  expect_right_checksums(later);
}

TEST_P(XdpFinish, UdpIsTranslatedToo) {
  serve(GetParam(), kUdp, {pod()});
  for (const size_t size : {0, 1, 511, 512, 513, 1400}) {
    const Ran sent = xdp(PacketBuilder::udp(client(), node_port()).payload_size(size));
    EXPECT_EQ(sent.verdict, XDP_TX) << size;
    EXPECT_EQ(sent.view().destination_endpoint().to_string(), server());
    expect_right_checksums(sent);
  }
}

TEST_P(XdpFinish, SctpKeepsItsChecksumRight) {
  serve(GetParam(), kSctp, {pod()});
  Bytes init(20);
  init[0] = 1;
  init[3] = 20;
  init[7] = 9;
  const auto packet = PacketBuilder::sctp(client(), node_port()).payload(ByteView(init));
  const Ran sent = xdp(packet);
  EXPECT_EQ(sent.verdict, XDP_TX);
  EXPECT_EQ(sent.view().destination_endpoint().to_string(), server());
  expect_right_checksums(sent);
}

// The state is the same for both: tc knows what XDP began, and the other way round.
TEST_P(XdpFinish, FlowsAreSharedWithTc) {
  serve(GetParam(), kTcp, {pod()});
  const Ran sent = xdp(PacketBuilder::tcp(client(), node_port()).syn());
  const Ran again = ingress(kEth0, PacketBuilder::tcp(client(), node_port()).syn());
  EXPECT_EQ(again.record.reason, abi::REASON_ORIGINAL);
  EXPECT_EQ(again.view().source_port, sent.view().source_port);

  const std::string other = by_family("203.0.113.8:4001", "[2001:db8:c::8]:4001");
  const Ran first = ingress(kEth0, PacketBuilder::tcp(other, node_port()).syn());
  EXPECT_EQ(first.record.reason, abi::REASON_NEW_FLOW);
  know_neighbour(parse_endpoint(other));
  const Ran answer = xdp(PacketBuilder::tcp(server(), node(first.view().source_port)).syn().ack(1));
  EXPECT_EQ(answer.verdict, XDP_TX);
  EXPECT_EQ(answer.flow(), node_port() + " > " + other);
}

TEST_P(XdpFinish, AClosedConnectionIsOpenedAnew) {
  serve(GetParam(), kTcp, {pod()});
  const Ran sent = xdp(PacketBuilder::tcp(client(), node_port()).syn());
  const std::string own = node(sent.view().source_port);
  xdp(PacketBuilder::tcp(server(), own).syn().ack(1));
  xdp(PacketBuilder::tcp(client(), node_port()).ack(1));
  xdp(PacketBuilder::tcp(client(), node_port()).fin().ack(1));
  xdp(PacketBuilder::tcp(server(), own).fin().ack(2));
  EXPECT_EQ(xdp(PacketBuilder::tcp(client(), node_port()).ack(2)).record.reason,
            abi::REASON_ORIGINAL);
  EXPECT_EQ(xdp(PacketBuilder::tcp(client(), node_port()).syn()).record.reason,
            abi::REASON_NEW_FLOW);
}

INSTANTIATE_TEST_SUITE_P(Families, XdpFinish, testing::Values(Family::kIpv4, Family::kIpv6),
                         family_name);

using XdpFinishIpv4 = XdpProgramTest;

TEST_F(XdpFinishIpv4, AUdpChecksumOfZeroStaysZero) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const Ran sent =
      xdp(PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080").payload("x").no_checksum());
  EXPECT_EQ(sent.verdict, XDP_TX);
  EXPECT_EQ(load16(sent.packet, 26), 0);
}

TEST_F(XdpFinishIpv4, WhoIsNotMasqueradedKeepsItsAddress) {
  proxy_.cluster_cidrs = {};  // and so to a cluster IP
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Ran sent = xdp(PacketBuilder::tcp("203.0.113.7:4000", "10.96.0.10:80").syn());
  EXPECT_EQ(sent.verdict, XDP_TX);
  EXPECT_EQ(sent.flow(), "203.0.113.7:4000 > 10.180.1.7:8080");
  const Ran answer = xdp(PacketBuilder::tcp("10.180.1.7:8080", "203.0.113.7:4000").syn().ack(1));
  EXPECT_EQ(answer.flow(), "10.96.0.10:80 > 203.0.113.7:4000");
  EXPECT_EQ(check_checksums(answer.packet).transport, ChecksumState::kRight);
}

TEST_F(XdpFinishIpv4, TheTypeOfServiceAndOptionsOfTcpAreKept) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Bytes options = {2, 4, 5, 0xb4};
  const Ran sent = xdp(PacketBuilder::tcp("203.0.113.7:4000", "192.168.0.2:30080")
                           .tos(0xb9)
                           .tcp_options(options)
                           .syn());
  EXPECT_EQ(sent.verdict, XDP_TX);
  EXPECT_EQ(sent.packet[1], 0xb9);
  EXPECT_EQ(check_checksums(sent.packet).transport, ChecksumState::kRight);
}

TEST_F(XdpFinishIpv4, AffinityIsKeptAcrossBothHooks) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.client_ip_affinity = true;
  const EndpointSlice slice = web_endpoints(
      Family::kIpv4, kTcp, {"10.180.1.7", "10.180.1.8", "10.180.1.9", "10.180.1.10"}, 8080);
  cluster_.services[web.key] = web;
  cluster_.endpoint_slices[slice.key] = slice;
  program();
  const auto from_port = [](uint16_t port) {
    return PacketBuilder::tcp(fmt::format("203.0.113.7:{}", port), "192.168.0.2:30080").syn();
  };
  const IpAddress chosen = xdp(from_port(4000)).view().destination;
  for (uint16_t port = 4001; port < 4020; ++port) {
    const Ran sent = port % 2 == 0 ? xdp(from_port(port)) : ingress(kEth0, from_port(port));
    EXPECT_EQ(sent.view().destination, chosen) << port;
    EXPECT_TRUE(sent.record.flags & abi::TRACE_AFFINITY) << port;
  }
}

// Each hook alone would choose among all: that one of them leaves packets to the other because of
// what it chose must not favour anybody.
TEST_F(XdpFinishIpv4, BothHooksTogetherChooseEvenly) {
  constexpr int kFlows = 2000;
  serve(Family::kIpv4, kTcp, {"10.180.0.9", "10.180.1.7", "10.180.1.8", "10.180.1.9"});
  std::map<std::string, int> chosen;
  for (int i = 0; i < kFlows; ++i) {
    const auto packet =
        PacketBuilder::tcp(fmt::format("203.0.113.7:{}", 10'000 + i), "192.168.0.2:30080").syn();
    Ran sent = xdp(packet);
    if (sent.verdict == XDP_PASS) {
      EXPECT_EQ(sent.record.reason, abi::LEFT_OTHER_LINK);
      sent = ingress(kEth0, packet);
      EXPECT_EQ(sent.view().destination.to_string(), "10.180.0.9");
    }
    ++chosen[sent.view().destination.to_string()];
  }
  EXPECT_EQ(chosen.size(), 4U);
  // Five standard deviations around 500.
  for (const auto& [address, count] : chosen) EXPECT_NEAR(count, kFlows / 4, 97) << address;
}

TEST_F(XdpFinishIpv4, PortsOfMasqueradedFlowsAreUnique) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  std::set<uint16_t> ports;
  for (int i = 0; i < 300; ++i) {
    const Ran sent =
        xdp(PacketBuilder::udp(fmt::format("203.0.113.7:{}", 1 + i), "192.168.0.2:30080"));
    ports.insert(sent.view().source_port);
  }
  EXPECT_EQ(ports.size(), 300U);
}

TEST_F(XdpFinishIpv4, TheNextHopIsAddressed) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Bytes frame;
  put_frame(PacketBuilder::tcp("203.0.113.7:4000", "192.168.0.2:30080").syn().build(), frame);
  frame[6] = 0x02;  // the sender's address, which is not to stay
  frame[11] = 0x77;
  const Ran sent = xdp_frame(frame);
  EXPECT_EQ(sent.verdict, XDP_TX);
  EXPECT_EQ(sent.frame_header, Bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0}));
}

TEST_F(XdpFinishIpv4, WithoutAFreePortTheFlowIsDropped) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  // A client's port below 512 is replaced by another below 512.
  int dropped = 0;
  for (int i = 0; i < 600; ++i) {
    const Ran sent = xdp(PacketBuilder::udp(fmt::format("203.0.{}.{}:300", i / 250, 1 + i % 250),
                                            "192.168.0.2:30080"));
    if (sent.verdict != XDP_DROP) continue;
    EXPECT_EQ(sent.record.reason, abi::DROP_NO_PORT);
    ++dropped;
  }
  EXPECT_GE(dropped, 600 - 511);
}

}  // namespace
}  // namespace kubeproof::control
