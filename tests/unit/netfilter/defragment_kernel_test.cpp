// Datagrams that arrive in fragments, through the kernel and through the interpreter.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

class DefragmentTest : public TwinNodes {
 protected:
  void SetUp() override {
    TwinNodes::SetUp();
    chain(TableName::kNat, "PREROUTING") = {
        RuleBuilder().to("10.96.0.10/32").protocol(kUdp).dport(53).dnat("10.180.0.10:5353")};
    chain(TableName::kNat, "OUTPUT") = chain(TableName::kNat, "PREROUTING");
    chain(TableName::kFilter, "FORWARD").push_back(RuleBuilder().to("10.96.0.11/32").reject());
    chain(TableName::kNat, "PREROUTING", Family::kIpv6) = {
        RuleBuilder().to("fd01::10/128").protocol(kUdp).dport(53).dnat("[fd00::10]:5353")};
    chain(TableName::kFilter, "FORWARD", Family::kIpv6)
        .push_back(RuleBuilder().to("fd01::11/128").reject());
  }
};

PacketBuilder query(size_t size) {
  return PacketBuilder::udp("10.180.0.9:1000", "10.96.0.10:53")
      .payload_size(size)
      .dont_fragment(false);
}
PacketBuilder query_v6(size_t size) {
  return PacketBuilder::udp("[fd00::9]:1000", "[fd01::10]:53").payload_size(size);
}

std::vector<Bytes> unfragmentable(std::vector<Bytes> pieces) {
  for (Bytes& piece : pieces) {
    piece[6] |= 0x40;
    store16(piece, 10, 0);
    store16(piece, 10, ipv4_header_checksum(piece));
  }
  return pieces;
}

TEST_F(DefragmentTest, ADatagramInOrder) {
  send_all(kPod1, query(100).build_fragments(48));
  expect_same_flows();
}

TEST_F(DefragmentTest, ADatagramBackwards) {
  auto pieces = query(100).build_fragments(48);
  std::reverse(pieces.begin(), pieces.end());
  send_all(kPod1, pieces);
}

TEST_F(DefragmentTest, ADatagramWithAPieceTwice) {
  auto pieces = query(100).build_fragments(48);
  pieces.insert(pieces.begin(), pieces[0]);
  pieces.insert(pieces.begin(), pieces[2]);
  send_all(kPod1, pieces);
}

TEST_F(DefragmentTest, AnUnfinishedDatagramLeavesNothing) {
  auto pieces = query(100).build_fragments(48);
  pieces.erase(pieces.begin() + 1);
  send_all(kPod1, pieces);
  expect_same_flows();
}

TEST_F(DefragmentTest, OverlappingPiecesSpoilTheDatagram) {
  auto pieces = query(200).build_fragments(48);
  const auto larger = query(200).build_fragments(80);
  send(kPod1, pieces[0]);
  send(kPod1, larger[1]);
  send(kPod1, pieces[1]);
  for (size_t i = 2; i < pieces.size(); ++i) send(kPod1, pieces[i]);
  send_all(kPod1, pieces);
}

TEST_F(DefragmentTest, APieceWithinAnotherRepeatsIt) {
  const auto pieces = query(200).build_fragments(48);
  const auto larger = query(200).build_fragments(96);
  send(kPod1, larger[0]);
  send(kPod1, pieces[1]);
  send_all(kPod1, {larger.begin() + 1, larger.end()});
}

TEST_F(DefragmentTest, LargeDatagramsAreCutAgain) {
  send_all(kPod1, query(4000).build_fragments(1480));
  send_all(kPod1, query(4000).identification(2).build_fragments(1000));
}

TEST_F(DefragmentTest, UnfragmentableFragmentsThatFitAreCutAgain) {
  send_all(kPod1, unfragmentable(query(4000).build_fragments(1000)));
}

TEST_F(DefragmentTest, UnfragmentableFragmentsThatDoNotFitAreAnswered) {
  for (auto& interface : world_.interfaces) {
    if (interface.index == kPod2) interface.mtu = 1300;
  }
  send_all(kPod1, unfragmentable(query(4000).build_fragments(1400)));
  send_all(kPod1, query(4000).identification(7).build_fragments(1400));
}

TEST_F(DefragmentTest, ADatagramForTheNodeIsDeliveredWhole) {
  send_all(kPod1, PacketBuilder::udp("10.180.0.9:1000", "192.168.0.2:53")
                      .payload_size(3000)
                      .build_fragments(1000));
}

TEST_F(DefragmentTest, ADatagramOfTheNode) {
  send_all(0, PacketBuilder::udp("192.168.0.2:1000", "10.96.0.10:53")
                  .payload_size(3000)
                  .dont_fragment(false)
                  .build_fragments(1000));
  expect_same_flows();
}

TEST_F(DefragmentTest, RejectionsQuoteTheWhole) {
  send_all(kPod1, PacketBuilder::udp("10.180.0.9:1000", "10.96.0.11:53")
                      .payload_size(900)
                      .dont_fragment(false)
                      .build_fragments(400));
}

TEST_F(DefragmentTest, CongestionMarksOfPiecesAreJoined) {
  for (const int first : {0, 1, 2, 3}) {
    for (const int second : {0, 1, 2, 3}) {
      const auto id = static_cast<uint32_t>(first * 4 + second + 1);
      const auto a = query(60).identification(id).tos(static_cast<uint8_t>(first));
      const auto b = query(60).identification(id).tos(static_cast<uint8_t>(second));
      send(kPod1, a.build_fragments(48)[0]);
      send(kPod1, b.build_fragments(48)[1]);
    }
  }
}

TEST_F(DefragmentTest, TtlOfTheFirstPieceAndLengthsThatContradict) {
  const auto a = query(100).ttl(10).build_fragments(48);
  const auto b = query(100).ttl(20).build_fragments(48);
  send_all(kPod1, {b[1], a[2], b[0]});
  // The last piece twice, at different lengths.
  const auto c = query(100).identification(5).build_fragments(48);
  const auto d = query(90).identification(5).build_fragments(48);
  send_all(kPod1, {c[0], c[2], d[2], c[1]});
}

TEST_F(DefragmentTest, Ipv6) {
  send_all(kPod1, query_v6(100).build_fragments(48));
  send_all(kPod1, query_v6(4000).identification(2).build_fragments(1400));
  auto backwards = query_v6(4000).identification(3).build_fragments(1400);
  std::reverse(backwards.begin(), backwards.end());
  send_all(kPod1, backwards);
  expect_same_flows();
}

TEST_F(DefragmentTest, Ipv6OverlapsSpoil) {
  const auto pieces = query_v6(200).build_fragments(48);
  const auto larger = query_v6(200).build_fragments(80);
  send(kPod1, pieces[0]);
  send(kPod1, larger[1]);
  send(kPod1, pieces[1]);
  for (size_t i = 2; i < pieces.size(); ++i) send(kPod1, pieces[i]);
}

TEST_F(DefragmentTest, Ipv6ForTheNodeAndRejected) {
  send_all(kPod1, PacketBuilder::udp("[fd00::9]:1000", "[2001:db8::2]:53")
                      .payload_size(3000)
                      .build_fragments(1000));
  send_all(kPod1, PacketBuilder::udp("[fd00::9]:1000", "[fd01::11]:53")
                      .payload_size(3000)
                      .build_fragments(1000));
}

TEST_F(DefragmentTest, Ipv6FragmentThatIsTheWhole) {
  send_all(kPod1, query_v6(30).build_fragments(48));
}

TEST_F(DefragmentTest, Ipv6SmallerLinkIsAnswered) {
  for (auto& interface : world_.interfaces) {
    if (interface.index == kPod2) interface.mtu = 1300;
  }
  send_all(kPod1, query_v6(4000).build_fragments(1400));
  send_all(kPod1, query_v6(4000).identification(4).build_fragments(1200));
}

// The header of an IPv6 fragment stands behind the fixed one.
void set_fragment_field(Bytes& fragment, uint16_t offset, bool more) {
  store16(fragment, 42, static_cast<uint16_t>(offset | (more ? 1 : 0)));
}

TEST_F(DefragmentTest, Ipv6LengthsThatContradictAreRefused) {
  const auto a = query_v6(100).build_fragments(48);
  const auto b = query_v6(90).build_fragments(48);
  send_all(kPod1, {a[0], a[2], b[2], a[1]});
}

TEST_F(DefragmentTest, Ipv6PiecesThatEndOddlyEndTheWait) {
  auto pieces = query_v6(97).build_fragments(48);
  Bytes last_with_more = pieces[2];
  set_fragment_field(last_with_more, 96, true);
  send_all(kPod1, {pieces[0], pieces[1], last_with_more, pieces[2]});
  Bytes first_odd = query_v6(30).identification(9).build_fragments(48)[0];
  set_fragment_field(first_odd, 0, true);
  send(kPod1, first_odd);
  expect_same_flows();
}

TEST_F(DefragmentTest, Ipv6FirstPiecesWithoutAllHeadersAreNotHeldBack) {
  send_all(kPod1, PacketBuilder::tcp("[fd00::9]:1000", "[fd01::10]:53")
                      .syn()
                      .payload_size(100)
                      .build_fragments(16));
  expect_same_flows();
}

TEST_F(DefragmentTest, Ipv6BehindOtherHeaders) {
  for (const uint8_t header : {0, 60}) {
    send_all(kPod1, query_v6(300)
                        .identification(header)
                        .extension(header, Bytes{1, 4, 0, 0, 0, 0})
                        .build_fragments(64));
  }
}

TEST_F(DefragmentTest, FlowsOfSeveralDatagrams) {
  for (uint32_t id = 1; id < 4; ++id)
    send_all(kPod1, query(300).identification(id).build_fragments(64));
  send_all(kPod2, PacketBuilder::udp("10.180.0.10:5353", "10.180.0.9:1000")
                      .payload_size(500)
                      .dont_fragment(false)
                      .build_fragments(64));
  expect_same_flows();
}

TEST_F(DefragmentTest, AnEmptyLastPiece) {
  auto pieces = query(88).build_fragments(48);
  pieces.back()[6] |= 0x20;  // more to come
  Bytes empty(pieces.back().begin(), pieces.back().begin() + 20);
  store16(empty, 2, 20);
  store16(empty, 6, 96 / 8);
  for (Bytes* each : {&pieces.back(), &empty}) {
    store16(*each, 10, 0);
    store16(*each, 10, ipv4_header_checksum(*each));
  }
  pieces.push_back(empty);
  send_all(kPod1, pieces);
}

}  // namespace
}  // namespace kubeproof::netfilter
