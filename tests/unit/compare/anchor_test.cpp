#include "replay/compare/anchor.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

// The captured node masqueraded to port 1111 and picked the endpoint 10.180.9.1, elsewhere; the
// engine under test picks port 2222 and the endpoint 10.180.0.2, a pod on this node.
constexpr std::string_view kClient = "10.0.0.1:4000";
constexpr std::string_view kService = "10.96.0.10:80";
constexpr std::string_view kNodeThere = "192.168.0.2:1111";
constexpr std::string_view kNodeHere = "192.168.0.2:2222";
constexpr std::string_view kEndpointThere = "10.180.9.1:8080";
constexpr std::string_view kEndpointHere = "10.180.0.2:8081";

CapturedPacket captured(Place ingress, Bytes packet) {
  CapturedPacket result;
  result.ingress = Ingress{ingress.interface};
  result.packet = std::move(packet);
  result.departures_complete = true;
  return result;
}

CapturedPacket departing(CapturedPacket packet, Bytes departure) {
  packet.departures.push_back({std::nullopt, std::move(departure), {}, false});
  return packet;
}

Bytes request() {
  return PacketBuilder::tcp(kClient, kService).syn().build();
}

class AnchorTest : public testing::Test {
 protected:
  // The original packet of the flow passes.
  void open_flow() {
    const CapturedPacket original = departing(
        captured(kUplink, request()), PacketBuilder::tcp(kNodeThere, kEndpointThere).syn().build());
    anchor_.learn(original,
                  fate_of(kPod2, PacketBuilder::tcp(kNodeHere, kEndpointHere).syn().build()));
  }

  World world_ = small_world();
  Anchor anchor_{world_};
};

TEST_F(AnchorTest, SendsTheReplyFromTheEndpointThatTheEnginePicked) {
  open_flow();
  const auto reply =
      captured(kUplink, PacketBuilder::tcp(kEndpointThere, kNodeThere).syn().ack().build());
  const Injection given = anchor_.anchor(reply);
  const Bytes expected = PacketBuilder::tcp(kEndpointHere, kNodeHere).syn().ack().build();
  EXPECT_EQ(Bytes(given.packet.begin(), given.packet.end()), expected);
  EXPECT_EQ(given.ingress, Ingress{kPod2.interface});
  EXPECT_EQ(anchor_.moved(), 1U);
}

TEST_F(AnchorTest, LeavesTheClientsPacketsAsCaptured) {
  open_flow();
  const auto packet = captured(kUplink, request());
  EXPECT_EQ(anchor_.anchor(packet).packet.data(), packet.packet.data());
  EXPECT_EQ(anchor_.moved(), 0U);
}

TEST_F(AnchorTest, ForgetsAFlowWhoseNextPacketLeftAlike) {
  open_flow();
  const Bytes same = PacketBuilder::tcp(kNodeThere, kEndpointThere).syn().build();
  anchor_.learn(departing(captured(kUplink, request()), same), fate_of(kUplink, same));
  const auto reply =
      captured(kUplink, PacketBuilder::tcp(kEndpointThere, kNodeThere).ack().build());
  EXPECT_EQ(anchor_.anchor(reply).packet.data(), reply.packet.data());
}

TEST_F(AnchorTest, MovesAnErrorFromTheEndpointWithWhatItQuotes) {
  open_flow();
  const auto error_of = [](std::string_view from, std::string_view quoted_from,
                           std::string_view quoted_to) {
    return PacketBuilder::icmp(from, "192.168.0.2", 3, 3)
        .payload(PacketBuilder::tcp(quoted_from, quoted_to).syn().build())
        .build();
  };
  const auto error = captured(kUplink, error_of("10.180.9.1", kNodeThere, kEndpointThere));
  const Injection given = anchor_.anchor(error);
  const Bytes expected = error_of("10.180.0.2", kNodeHere, kEndpointHere);
  EXPECT_EQ(Bytes(given.packet.begin(), given.packet.end()), expected);
  EXPECT_EQ(given.ingress, Ingress{kPod2.interface});
}

TEST_F(AnchorTest, LeavesARouterThatReportsWhereItIs) {
  open_flow();
  const auto error =
      captured(kUplink, PacketBuilder::icmp("10.9.9.9", "192.168.0.2", 11, 0)
                            .payload(PacketBuilder::tcp(kNodeThere, kEndpointThere).syn().build())
                            .build());
  const Injection given = anchor_.anchor(error);
  EXPECT_EQ(parse_packet(given.packet)->source.to_string(), "10.9.9.9");
  EXPECT_EQ(given.ingress, Ingress{kUplink.interface});
  EXPECT_EQ(check_checksums(given.packet).transport, ChecksumState::kRight);
  EXPECT_EQ(check_checksums(given.packet).quoted_transport, ChecksumState::kRight);
}

TEST_F(AnchorTest, MovesAnEchoByItsIdentifier) {
  const auto echo = [](std::string_view from, uint16_t identifier) {
    return PacketBuilder::icmp_echo(from, "10.9.9.9", identifier).build();
  };
  anchor_.learn(departing(captured(kPod1, echo("10.180.0.1", 7)), echo("192.168.0.2", 11)),
                fate_of(kUplink, echo("192.168.0.2", 22)));
  const auto reply =
      captured(kUplink, PacketBuilder::icmp_echo_reply("10.9.9.9", "192.168.0.2", 11).build());
  const Injection given = anchor_.anchor(reply);
  EXPECT_EQ(Bytes(given.packet.begin(), given.packet.end()),
            PacketBuilder::icmp_echo_reply("10.9.9.9", "192.168.0.2", 22).build());
}

TEST_F(AnchorTest, FindsTheAnswerOfADeliveryBehindItsTranslation) {
  const auto original = captured(kUplink, request());
  anchor_.learn(original, fate_of(Place::sockets(),
                                  PacketBuilder::tcp(kClient, "192.168.0.2:8080").syn().build()));
  const auto answer =
      captured(Place::sockets(), PacketBuilder::tcp(kService, kClient).syn().ack().build());
  const Injection given = anchor_.anchor(answer);
  EXPECT_EQ(Bytes(given.packet.begin(), given.packet.end()),
            PacketBuilder::tcp("192.168.0.2:8080", kClient).syn().ack().build());
  EXPECT_TRUE(given.ingress.is_host());
}

TEST(TupleMap, ForgetsTheOldestInBulk) {
  TupleMap map(2);
  const auto tuple = [](uint16_t port) {
    return Tuple{{*IpAddress::parse("10.0.0.1"), port}, {*IpAddress::parse("10.0.0.2"), 80}, kTcp};
  };
  for (uint16_t port = 1; port <= 5; ++port) map.set(tuple(port), tuple(port));
  EXPECT_EQ(map.find(tuple(1)), nullptr);
  EXPECT_EQ(map.find(tuple(2)), nullptr);
  EXPECT_NE(map.find(tuple(3)), nullptr);
  EXPECT_NE(map.find(tuple(5)), nullptr);
}

}  // namespace
}  // namespace kubeproof
