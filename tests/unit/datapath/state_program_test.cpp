// Connection state: how long a flow stays, what starts it anew, and errors about it.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

class StateProgram : public ProgramTest {
 protected:
  static PacketBuilder from_client() {
    return PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80");
  }
  static PacketBuilder from_server() {
    return PacketBuilder::tcp("10.180.1.7:8080", "10.180.0.9:4000");
  }
  void establish() {
    serve(Family::kIpv4, kTcp, {"10.180.1.7"});
    ingress(kPod1, from_client().syn().seq(100));
    ingress(kEth0, from_server().syn().seq(200).ack(101));
    ingress(kPod1, from_client().seq(101).ack(201));
    serve(Family::kIpv4, kTcp, {"10.180.1.8"});  // so that a new flow is told by its endpoint
  }
  std::string endpoint_of(const PacketBuilder& packet) {
    return ingress(kPod1, packet).view().destination.to_string();
  }
};

TEST_F(StateProgram, AnUnansweredUdpFlowEndsAfterThirtySeconds) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const PacketBuilder packet = PacketBuilder::udp("10.180.0.9:4000", "10.96.0.10:80").payload("x");
  ingress(kPod1, packet);
  advance(std::chrono::seconds(30) - std::chrono::nanoseconds(1));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_ORIGINAL);
  advance(std::chrono::seconds(30));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_NEW_FLOW);
}

TEST_F(StateProgram, AUdpStreamLivesTwoMinutes) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const PacketBuilder packet = PacketBuilder::udp("10.180.0.9:4000", "10.96.0.10:80").payload("x");
  const PacketBuilder reply = PacketBuilder::udp("10.180.1.7:8080", "10.180.0.9:4000").payload("y");
  ingress(kPod1, packet);
  ingress(kEth0, reply);
  advance(std::chrono::seconds(3));
  ingress(kEth0, reply);
  advance(std::chrono::seconds(119));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_ORIGINAL);
  advance(std::chrono::seconds(120));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_NEW_FLOW);
}

TEST_F(StateProgram, AnEstablishedConnectionStaysForADay) {
  establish();
  advance(std::chrono::hours(24) - std::chrono::seconds(1));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.7");
}

TEST_F(StateProgram, FlowsLiveAsLongAsKubeProxyIsConfigured) {
  world_.sysctls.timeouts = {.tcp_established = std::chrono::seconds(250),
                             .tcp_close_wait = std::chrono::seconds(70),
                             .udp = std::chrono::seconds(20),
                             .udp_stream = std::chrono::seconds(40)};
  establish();
  advance(std::chrono::seconds(249));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.7");
  ingress(kEth0, from_server().seq(201).ack(101).fin());
  ingress(kPod1, from_client().seq(101).ack(202));
  advance(std::chrono::seconds(69));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(202)), "10.180.1.7") << "in CLOSE_WAIT";
  advance(std::chrono::seconds(71));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(202)), "10.180.1.8");

  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const PacketBuilder packet = PacketBuilder::udp("10.180.0.9:4000", "10.96.0.10:80").payload("x");
  const PacketBuilder reply = PacketBuilder::udp("10.180.1.7:8080", "10.180.0.9:4000").payload("y");
  ingress(kPod1, packet);
  advance(std::chrono::seconds(19));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_ORIGINAL);
  advance(std::chrono::seconds(20));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_NEW_FLOW);
  ingress(kEth0, reply);
  advance(std::chrono::seconds(3));
  ingress(kEth0, reply);
  advance(std::chrono::seconds(39));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::REASON_ORIGINAL) << "a stream";
}

TEST_F(StateProgram, DataThatNobodyAcknowledgesWaitsFiveMinutes) {
  establish();
  ingress(kPod1, from_client().seq(101).ack(201).payload_size(10));
  advance(std::chrono::seconds(301));
  EXPECT_EQ(endpoint_of(from_client().seq(111).ack(201)), "10.180.1.8");
}

TEST_F(StateProgram, ASynReopensAClosedConnectionOnAnyEndpoint) {
  establish();
  ingress(kPod1, from_client().seq(101).ack(201).fin());
  ingress(kEth0, from_server().seq(201).ack(102).fin());
  ingress(kPod1, from_client().seq(102).ack(202));
  EXPECT_EQ(endpoint_of(from_client().seq(102).ack(202)), "10.180.1.7") << "in TIME_WAIT";
  EXPECT_EQ(endpoint_of(from_client().syn().seq(5000)), "10.180.1.8");
}

TEST_F(StateProgram, ASynOnAnOpenConnectionStaysOnItsEndpoint) {
  establish();
  EXPECT_EQ(endpoint_of(from_client().syn().seq(5000)), "10.180.1.7");
}

TEST_F(StateProgram, OnlyAResetWithTheRightNumberCloses) {
  establish();
  ingress(kEth0, from_server().rst().seq(250));
  advance(std::chrono::seconds(9));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.7");
  ingress(kEth0, from_server().rst().seq(201));
  advance(std::chrono::seconds(11));
  EXPECT_EQ(endpoint_of(from_client().syn().seq(5000)), "10.180.1.8");
}

TEST_F(StateProgram, AResetThatClosesNothingLeavesTenSeconds) {
  establish();
  ingress(kEth0, from_server().rst().seq(250));
  advance(std::chrono::seconds(11));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.8");
}

TEST_F(StateProgram, ASynSentAgainDoesNotKeepAFlow) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, from_client().syn().seq(100));
  serve(Family::kIpv4, kTcp, {"10.180.1.8"});
  advance(std::chrono::seconds(100));
  EXPECT_EQ(endpoint_of(from_client().syn().seq(100)), "10.180.1.7");
  advance(std::chrono::seconds(21));
  EXPECT_EQ(endpoint_of(from_client().syn().seq(100)), "10.180.1.8");
}

TEST_F(StateProgram, AConnectionPickedUpInItsMiddleWaitsFiveMinutesForAnAnswer) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, from_client().seq(101).ack(201));
  serve(Family::kIpv4, kTcp, {"10.180.1.8"});
  advance(std::chrono::seconds(301));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.8");
}

TEST_F(StateProgram, AClosedWindowWaitsFiveMinutes) {
  establish();
  ingress(kEth0, from_server().seq(201).ack(101).window(0));
  advance(std::chrono::seconds(301));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.8");
}

TEST_F(StateProgram, RetransmissionsWaitFiveMinutes) {
  establish();
  for (int time = 0; time < 4; ++time) ingress(kEth0, from_server().seq(201).ack(101));
  advance(std::chrono::seconds(301));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.8");
}

TEST_F(StateProgram, BothSidesMayOpenAtOnce) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, from_client().syn().seq(100));
  ingress(kEth0, from_server().syn().seq(200));
  ingress(kPod1, from_client().syn().seq(100).ack(201));
  ingress(kEth0, from_server().seq(201).ack(101));
  serve(Family::kIpv4, kTcp, {"10.180.1.8"});
  advance(std::chrono::minutes(4));
  EXPECT_EQ(endpoint_of(from_client().seq(101).ack(201)), "10.180.1.7") << "longer than SYN_RECV";
}

TEST_F(StateProgram, AChallengeIsNotTheLastAcknowledgment) {
  establish();
  ingress(kEth0, from_server().seq(201).ack(101).fin());
  ingress(kPod1, from_client().seq(101).ack(202));
  ingress(kPod1, from_client().seq(101).ack(202).fin());
  ingress(kPod1, from_client().syn().seq(5000));
  ingress(kEth0, from_server().seq(202).ack(101));
  advance(std::chrono::seconds(31));
  EXPECT_EQ(endpoint_of(from_client().seq(102).ack(202)), "10.180.1.8") << "LAST_ACK is over";
}

TEST_F(StateProgram, ARefusedConnectionLeavesNothing) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  ingress(kPod1, from_client().syn());
  const Ran refused = ingress(kEth0, from_server().rst().ack(2));
  EXPECT_EQ(egress_forwarded(kPod1, kEth0, refused).flow(), "10.96.0.10:80 > 10.180.0.9:4000");
  serve(Family::kIpv4, kTcp, {"10.180.1.8"});
  EXPECT_EQ(endpoint_of(from_client().syn()), "10.180.1.8");
}

TEST_F(StateProgram, AnErrorFromBehindTheEndpointReachesTheClient) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const Ran in =
      ingress(kEth0, PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080").payload("x"));
  const Ran out = egress_forwarded(kEth0, kEth0, in);
  const Bytes error = *make_icmp_error(out.packet, IcmpError::packet_too_big(Family::kIpv4, 1300),
                                       *IpAddress::parse("198.18.0.1"));
  const Ran error_in = ingress(kEth0, error);
  EXPECT_EQ(error_in.record.reason, abi::REASON_RELATED);
  const Ran error_out = egress_forwarded(kEth0, kEth0, error_in);
  const PacketView outer = error_out.view();
  EXPECT_EQ(outer.source.to_string(), "192.168.0.2");
  EXPECT_EQ(outer.destination.to_string(), "203.0.113.7");
  const auto quoted =
      *parse_packet(ByteView(error_out.packet).subspan(outer.transport_offset + size_t{8}));
  EXPECT_EQ(quoted.source_endpoint().to_string(), "203.0.113.7:4000");
  EXPECT_EQ(quoted.destination_endpoint().to_string(), "192.168.0.2:30080");
  const ChecksumReport sums = check_checksums(error_out.packet);
  EXPECT_EQ(sums.ip_header, ChecksumState::kRight);
  EXPECT_EQ(sums.transport, ChecksumState::kRight);
  EXPECT_EQ(sums.quoted_ip_header, ChecksumState::kRight);
  EXPECT_EQ(sums.quoted_transport, ChecksumState::kRight);
}

TEST_F(StateProgram, AnErrorAboutAFlowThatIsOverIsNotTranslated) {
  serve(Family::kIpv4, kTcp, {"192.168.0.2"});
  const auto connecting = PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80");
  const Ran sent = egress_of_host(kEth0, PacketBuilder(connecting).syn());
  egress_of_host(kEth0, PacketBuilder(connecting).rst());
  const Bytes error = *make_icmp_error(sent.packet, IcmpError::port_unreachable(Family::kIpv4),
                                       *IpAddress::parse("192.168.0.2"));
  const Ran error_out = egress_of_host(kLo, error);
  EXPECT_EQ(error_out.record.reason, abi::PASS_RELATED_UNKNOWN);
  EXPECT_EQ(error_out.packet, error);
}

TEST_F(StateProgram, InvalidPacketsOfAFlowPassUntranslatedWhereNothingDropsThem) {
  proxy_.tcp_be_liberal = true;
  establish();
  const Ran in = ingress(kEth0, from_server().seq(201).ack(101).flags(0));
  EXPECT_EQ(in.record.reason, abi::PASS_INVALID);
  EXPECT_EQ(in.record.redirect_ifindex, kPod1);
  EXPECT_EQ(in.view().ttl, 63);
  const Ran out = egress_redirected(kPod1, kEth0, in);
  EXPECT_EQ(out.record.reason, abi::PASS_ALREADY_DECIDED);
  EXPECT_EQ(out.flow(), "10.180.1.7:8080 > 10.180.0.9:4000");
  EXPECT_EQ(out.mark, 0U);
}

TEST_F(StateProgram, GarbageCollectionTakesFlowsThatAreOver) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  ingress(kEth0, PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080").payload("x"));
  EXPECT_EQ(datapath_->collect_garbage(), 0U);
  advance(std::chrono::seconds(31));
  EXPECT_EQ(datapath_->collect_garbage(), 4U) << "both directions, on the wire and inside";
}

TEST_F(StateProgram, UdpFlowsForgetAnEndpointThatIsGone) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const PacketBuilder packet = PacketBuilder::udp("10.180.0.9:4000", "10.96.0.10:80").payload("x");
  EXPECT_EQ(endpoint_of(packet), "10.180.1.7");
  serve(Family::kIpv4, kUdp, {"10.180.1.8"});
  EXPECT_EQ(endpoint_of(packet), "10.180.1.8");
}

TEST_F(StateProgram, UdpFlowsStayWhenNoEndpointIsLeft) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const PacketBuilder packet = PacketBuilder::udp("10.180.0.9:4000", "10.96.0.10:80").payload("x");
  ingress(kPod1, packet);
  serve(Family::kIpv4, kUdp, {});
  EXPECT_EQ(endpoint_of(packet), "10.180.1.7");
}

TEST_F(StateProgram, AffinityKeepsAClientOnItsEndpoint) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.client_ip_affinity = true;
  web.affinity_timeout_seconds = 60;
  cluster_.services[web.key] = web;
  const EndpointSlice slice = web_endpoints(
      Family::kIpv4, kTcp, {"10.180.1.1", "10.180.1.2", "10.180.1.3", "10.180.1.4"}, 8080);
  cluster_.endpoint_slices[slice.key] = slice;
  program();
  const auto connect = [&](int port) {
    return endpoint_of(
        PacketBuilder::tcp(fmt::format("10.180.0.9:{}", port), "10.96.0.10:80").syn());
  };
  const std::string first = connect(5000);
  for (int port = 5001; port < 5020; ++port) EXPECT_EQ(connect(port), first);
  advance(std::chrono::seconds(60));
  EXPECT_EQ(connect(5020), first) << "the last second counts";
}

}  // namespace
}  // namespace kubeproof::control
