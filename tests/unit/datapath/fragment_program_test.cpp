// Fragments: only the first has ports, and all go the way of the first.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

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

TEST_F(FragmentProgram, WhatIsRejectedIsPutTogetherFirst) {
  serve(Family::kIpv4, kUdp, {});
  const auto fragments = datagram("198.51.100.7:80");
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::DROP_HELD);
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_HELD);
  const Ran whole = ingress(kEth0, fragments[2]);
  EXPECT_EQ(whole.record.reason, abi::REASON_REASSEMBLED);
  EXPECT_EQ(whole.record.redirect, abi::REDIRECT_INGRESS);
  EXPECT_EQ(whole.record.redirect_ifindex, kEth0);
  EXPECT_EQ(whole.view().total_length, 2028);
  EXPECT_FALSE(whole.view().is_fragment);
  EXPECT_EQ(check_checksums(whole.packet).ip_header, ChecksumState::kRight);
  EXPECT_EQ(check_checksums(whole.packet).transport, ChecksumState::kRight);
  const Ran answer = ingress(kEth0, whole.packet);
  EXPECT_EQ(answer.record.reason, abi::REASON_REJECTED);
  EXPECT_EQ(load16(answer.packet, 28 + 2), 2028) << "the length of what it quotes";
}

TEST_F(FragmentProgram, WhatCannotBePutTogetherIsDropped) {
  serve(Family::kIpv4, kUdp, {});
  const auto fragments = PacketBuilder::udp("203.0.113.7:4000", "198.51.100.7:80")
                             .payload_size(20000)
                             .build_fragments(1000);
  for (const Bytes& fragment : fragments) {
    EXPECT_EQ(ingress(kEth0, fragment).verdict, TC_ACT_SHOT);
  }
}

TEST_F(FragmentProgram, AWrongChecksumShowsInTheLast) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  auto fragments = datagram("192.168.0.2:30080");
  fragments[1].back() ^= 1;
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::REASON_NEW_FLOW);
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::REASON_ORIGINAL);
  EXPECT_EQ(ingress(kEth0, fragments[2]).record.reason, abi::DROP_INVALID);
  EXPECT_EQ(ingress(kEth0, datagram("192.168.0.2:30080")[0]).record.reason, abi::REASON_NEW_FLOW)
      << "a flow began with what was INVALID";
}

TEST_F(FragmentProgram, OneThatRepeatsAnotherIsDropped) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto fragments = datagram("192.168.0.2:30080");
  ingress(kEth0, fragments[0]);
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::DROP_FRAGMENT);
  ingress(kEth0, fragments[1]);
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_FRAGMENT);
  EXPECT_EQ(ingress(kEth0, fragments[2]).record.reason, abi::REASON_ORIGINAL);
}

TEST_F(FragmentProgram, OneThatOverlapsAnotherSpoilsAll) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto fragments = datagram("192.168.0.2:30080");
  const auto others = PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080")
                          .payload_size(2000)
                          .build_fragments(600);
  ingress(kEth0, fragments[0]);
  EXPECT_EQ(ingress(kEth0, others[1]).record.reason, abi::DROP_FRAGMENT);
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_FRAGMENT);
}

TEST_F(FragmentProgram, ThoseThatCanAndThatCannotTellOfCongestionAreNoDatagram) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  auto fragments = datagram("192.168.0.2:30080");
  fragments[1][1] |= 1;
  store16(fragments[1], 10, ipv4_header_checksum(fragments[1]));
  ingress(kEth0, fragments[0]);
  ingress(kEth0, fragments[1]);
  EXPECT_EQ(ingress(kEth0, fragments[2]).record.reason, abi::DROP_FRAGMENT);
  EXPECT_EQ(ingress(kEth0, datagram("192.168.0.2:30080")[0]).record.reason, abi::REASON_NEW_FLOW)
      << "the next of that identification";
}

// Every other one comes first.
TEST_F(FragmentProgram, TheLargestDatagramIsKnownInAnyOrder) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  constexpr size_t kEthernetShare = 1480;
  const auto fragments = PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080")
                             .payload_size(65507)
                             .dont_fragment(false)
                             .build_fragments(kEthernetShare);
  ASSERT_EQ(fragments.size(), 45);
  for (size_t i = 0; i < fragments.size(); i += 2) {
    EXPECT_EQ(ingress(kEth0, fragments[i]).verdict, TC_ACT_OK) << i;
  }
  for (size_t i = 1; i < fragments.size(); i += 2) {
    const Ran ran = ingress(kEth0, fragments[i]);
    EXPECT_EQ(ran.verdict, TC_ACT_OK) << i;
    EXPECT_EQ(ran.view().destination.to_string(), "10.180.0.9") << i;
  }
  EXPECT_EQ(ingress(kEth0, datagram("192.168.0.2:30080")[0]).record.reason, abi::REASON_ORIGINAL)
      << "the flow began with the whole";
}

// What may be acknowledged then ends where the last fragment does.
TEST_F(FragmentProgram, ASegmentIsTrackedByItsWholeLength) {
  constexpr uint8_t kAck = 0x10, kSynAck = 0x12;
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const auto client = [] { return PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80"); };
  const auto server = [] { return PacketBuilder::tcp("10.180.1.7:8080", "10.180.0.9:4000"); };
  ingress(kPod1, client().seq(999).syn());
  ingress(kEth0, server().seq(4999).ack(1000).flags(kSynAck));
  ingress(kPod1, client().seq(1000).ack(5000).flags(kAck));
  const auto segment = client().seq(1000).ack(5000).flags(kAck).payload_size(2000);
  for (const Bytes& fragment : segment.build_fragments(1000)) {
    EXPECT_EQ(ingress(kPod1, fragment).record.reason, abi::REASON_ORIGINAL);
  }
  EXPECT_EQ(ingress(kEth0, server().seq(5000).ack(3001).flags(kAck)).record.reason,
            abi::DROP_INVALID);
  EXPECT_EQ(ingress(kEth0, server().seq(5000).ack(3000).flags(kAck)).record.reason,
            abi::REASON_REPLY);
}

TEST_F(FragmentProgram, WhatWasRememberedIsForgottenWithTheDatagram) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto fragments = datagram("192.168.0.2:30080");
  ingress(kEth0, fragments[0]);
  advance(std::chrono::seconds(30));
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::PASS_FRAGMENT);
}

TEST_F(FragmentProgram, LaterOnesOfAFirstWhoseFlowIsGoneAreDropped) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto fragments = datagram("192.168.0.2:30080");
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::REASON_NEW_FLOW);
  serve(Family::kIpv4, kUdp, {"10.180.0.10"});
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_FRAGMENT);
  const auto next = PacketBuilder::udp("203.0.113.7:4000", "192.168.0.2:30080");
  EXPECT_EQ(ingress(kEth0, next).view().destination.to_string(), "10.180.0.10");
  EXPECT_EQ(ingress(kEth0, fragments[2]).record.reason, abi::DROP_FRAGMENT)
      << "it went where its first has not gone";
}

TEST_F(FragmentProgram, LaterOnesOfAFirstWhoseTupleAnotherFlowHasAreDropped) {
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  cluster_.services.begin()->second.external_traffic_policy = TrafficPolicy::kLocal;
  cluster_.endpoint_slices.begin()->second.endpoints[0].node_name = world_.node_name;
  program();
  const auto fragments = datagram("198.51.100.7:80");
  EXPECT_EQ(ingress(kEth0, fragments[0]).record.reason, abi::REASON_NEW_FLOW);
  const auto other = PacketBuilder::udp("203.0.113.7:4000", "203.0.113.80:80");
  EXPECT_EQ(ingress(kEth0, other).flow(), "203.0.113.7:4000 > 10.180.0.9:8080");
  EXPECT_EQ(ingress(kEth0, fragments[1]).record.reason, abi::DROP_FRAGMENT);
  EXPECT_EQ(ingress(kEth0, fragments[2]).record.reason, abi::DROP_FRAGMENT);
}

// From ports below 512 to such a one, of which there are few.
TEST_F(FragmentProgram, APortIsNotDrawnThatAFirstWentOutWith) {
  constexpr int kDatagrams = 60;
  serve(Family::kIpv4, kUdp, {"10.180.0.9"});
  const auto from = [](int host) {
    return PacketBuilder::udp(fmt::format("203.0.113.{}:100", host), "192.168.0.2:30080");
  };
  for (int i = 1; i <= kDatagrams; ++i) {
    ingress(kEth0, from(i).payload_size(2000).build_fragments(1600)[0]);
  }
  for (int i = 1; i <= kDatagrams; ++i) ingress(kEth0, from(kDatagrams + i));
  for (int i = 1; i <= kDatagrams; ++i) {
    EXPECT_EQ(ingress(kEth0, from(i).payload_size(2000).build_fragments(1600)[1]).record.reason,
              abi::REASON_ORIGINAL);
  }
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

// So that the stack sends all of them: it would stop at one that is refused.
TEST_F(FragmentProgram, SctpOfTheNodeIsPutTogetherWithoutARefusal) {
  serve(Family::kIpv4, kSctp, {"10.180.1.7"});
  Bytes init = {1, 0, 4, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1};
  init.resize(1024);
  const auto fragments = PacketBuilder::sctp("192.168.0.2:4000", "10.96.0.10:80")
                             .payload(ByteView(init))
                             .dont_fragment(false)
                             .bad_transport_checksum()
                             .build_fragments(600);
  ASSERT_EQ(fragments.size(), 2);
  EXPECT_EQ(egress_of_host(kEth0, fragments[0]).verdict, TC_ACT_STOLEN);
  const Ran whole = egress_of_host(kEth0, fragments[1]);
  EXPECT_EQ(whole.record.reason, abi::REASON_REASSEMBLED);
  EXPECT_EQ(whole.record.redirect, abi::REDIRECT_EGRESS);
  EXPECT_EQ(whole.record.redirect_ifindex, kEth0);
  const Ran sent = egress_redirected(kEth0, 0, whole);
  EXPECT_EQ(sent.view().destination_endpoint().to_string(), "10.180.1.7:8080");
  EXPECT_EQ(check_checksums(sent.packet).transport, ChecksumState::kRight);
}

}  // namespace
}  // namespace kubeproof::control
