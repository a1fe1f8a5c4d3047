// Which sightings become one packet, and which do not.
#include "model/packet/translate.h"
#include "replay/capture/offload.h"
#include "tests/unit/capture/capture_fixture.h"

namespace kubeproof {
namespace {

// client > VIP, as it enters and as it leaves toward the pod on the node.
const PacketBuilder kRequest =
    PacketBuilder::tcp("203.0.113.9:4000", "10.96.0.10:80").syn().seq(77).ttl(60);
const PacketBuilder kForwarded =
    PacketBuilder::tcp("203.0.113.9:4000", "10.180.0.1:8080").syn().seq(77).ttl(59);

Bytes enters(uint32_t interface, PacketBuilder packet) {
  return cooked_v2(kToUs, interface, packet.build());
}
Bytes leaves(uint32_t interface, PacketBuilder packet) {
  return cooked_v2(kOutgoing, interface, packet.build());
}

class MergeTest : public CaptureTest {
 protected:
  // A capture of `-i any` and a log of OUTPUT, together.
  std::vector<CapturedPacket> import_both(const std::vector<TestFrame>& any,
                                          const std::vector<TestFrame>& log) {
    return import({write_capture("any.pcap", DLT_LINUX_SLL2, any),
                   write_capture("log.pcap", DLT_NFLOG, log)});
  }
};

TEST_F(MergeTest, ADepartureJoinsThePacketThatEntered) {
  const auto packets = import_any(
      {{microseconds(0), enters(kEth0, kRequest)}, {microseconds(30), leaves(kVeth1, kForwarded)}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, PacketBuilder(kRequest).build());
  EXPECT_EQ(packets[0].ingress, Ingress{kEth0});
  ASSERT_EQ(packets[0].departures.size(), 1U);
  EXPECT_EQ(packets[0].departures[0].packet, PacketBuilder(kForwarded).build());
  EXPECT_EQ(packets[0].departures[0].place.frame, 2U);
  EXPECT_EQ(count(ImportNote::kDeparture), 1U);
}

TEST_F(MergeTest, InterfacesAreTakenFromTheCaptureOnlyOfTheSameNode) {
  const std::vector<TestFrame> frames = {{microseconds(0), enters(kEth0, kRequest)},
                                         {microseconds(30), leaves(kVeth1, kForwarded)}};
  EXPECT_FALSE(import_any(frames).at(0).departures.at(0).interface);
  EXPECT_EQ(import_any(frames, {true}).at(0).departures.at(0).interface, kVeth1);
}

TEST_F(MergeTest, ADepartureWithoutTheFallOfTheTtlIsAnother) {
  const auto packets =
      import_any({{microseconds(0), enters(kEth0, kRequest)},
                  {microseconds(30), leaves(kVeth1, PacketBuilder(kForwarded).ttl(60))}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_TRUE(packets[0].departures.empty());
  EXPECT_EQ(count(ImportNote::kUnexplainedDeparture), 1U);
}

TEST_F(MergeTest, ADepartureLongAfterIsAnother) {
  const auto packets = import_any({{microseconds(0), enters(kEth0, kRequest)},
                                   {milliseconds(101), leaves(kVeth1, kForwarded)}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_TRUE(packets[0].departures.empty());
}

TEST_F(MergeTest, EachDepartureJoinsTheLikelierPacket) {
  // Equal but for their clients, and leaving in the other order.
  const auto request = [](std::string_view client) {
    return PacketBuilder::udp(client, "10.96.0.10:53").payload("same").ttl(60);
  };
  const auto forwarded = [](std::string_view client) {
    return PacketBuilder::udp(client, "10.180.0.1:53").payload("same").ttl(59);
  };
  const auto packets = import_any({{microseconds(0), enters(kEth0, request("203.0.113.1:7"))},
                                   {microseconds(1), enters(kEth0, request("203.0.113.2:7"))},
                                   {microseconds(2), leaves(kVeth1, forwarded("203.0.113.2:7"))},
                                   {microseconds(3), leaves(kVeth1, forwarded("203.0.113.1:7"))}});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].departures.at(0).packet, forwarded("203.0.113.1:7").build());
  EXPECT_EQ(packets[1].departures.at(0).packet, forwarded("203.0.113.2:7").build());
}

TEST_F(MergeTest, EqualPacketsTakeTheirDeparturesInOrder) {
  const auto ack = PacketBuilder::tcp("[2001:db8:9::9]:4000", "[fd96::a]:80").ack(5).ttl(60);
  const auto left = PacketBuilder::tcp("[2001:db8:9::9]:4000", "[fd00:180::1]:80").ack(5).ttl(59);
  const auto packets = import_any({{microseconds(0), enters(kEth0, ack)},
                                   {microseconds(1), enters(kEth0, ack)},
                                   {microseconds(2), leaves(kVeth1, left)},
                                   {microseconds(3), leaves(kVeth1, left)}});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].departures.at(0).place.frame, 3U);
  EXPECT_EQ(packets[1].departures.at(0).place.frame, 4U);
}

TEST_F(MergeTest, ABridgeShowsOnePacketTwiceOnEachWay) {
  PacketBuilder request = PacketBuilder::tcp("10.180.0.1:4000", "10.96.0.10:80").syn().ttl(64);
  PacketBuilder reply = PacketBuilder::tcp("203.0.113.9:80", "10.180.0.1:4000").syn().ack(1);
  PacketBuilder reply_in = PacketBuilder::tcp("203.0.113.9:80", "192.168.0.2:4000").syn().ack(1);
  const auto packets = import_any(
      {{microseconds(0), cooked_v2(kToOthers, kVeth1, request.build())},
       {microseconds(2), enters(kBridge, request)},
       {microseconds(5),
        leaves(kEth0, PacketBuilder::tcp("192.168.0.2:4000", "203.0.113.9:80").syn().ttl(63))},
       {microseconds(40), enters(kEth0, reply_in.ttl(64))},
       {microseconds(42), leaves(kBridge, reply.ttl(63))},
       {microseconds(43), leaves(kVeth1, reply.ttl(63))}});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].ingress, Ingress{kVeth1});
  EXPECT_EQ(packets[0].place.frame, 1U);
  EXPECT_EQ(packets[0].departures.size(), 1U);
  EXPECT_EQ(packets[1].departures.size(), 1U);
  EXPECT_EQ(count(ImportNote::kRepeatedSighting), 2U);
  EXPECT_EQ(count(ImportNote::kBridged), 0U);
}

TEST_F(MergeTest, WhatIsOnlyBridgedIsSetAside) {
  PacketBuilder packet = PacketBuilder::udp("10.180.0.1:4000", "10.180.0.2:80");
  EXPECT_TRUE(import_any({{microseconds(0), cooked_v2(kToOthers, kVeth1, packet.build())},
                          {microseconds(1), leaves(kVeth1 + 1, packet)}})
                  .empty());
  EXPECT_EQ(count(ImportNote::kBridged), 2U);
}

TEST_F(MergeTest, ABridgePortThatTranslatesShowsThePacketBeforeThat) {
  const auto request = PacketBuilder::tcp("10.180.0.1:4000", "10.96.0.10:80").syn().ttl(64);
  const auto chosen = PacketBuilder::tcp("10.180.0.1:4000", "10.180.1.9:8080").syn().ttl(64);
  const auto left = PacketBuilder::tcp("192.168.0.2:4000", "10.180.1.9:8080").syn().ttl(63);
  const auto packets =
      import_any({{microseconds(0), cooked_v2(kToOthers, kVeth1, PacketBuilder(request).build())},
                  {microseconds(9), enters(kBridge, chosen)},
                  {microseconds(15), leaves(kEth0, left)},
                  {milliseconds(50), enters(kEth0, kRequest)}});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(packets[0].packet, PacketBuilder(request).build());
  ASSERT_EQ(packets[0].departures.size(), 1U);
  EXPECT_EQ(packets[0].departures[0].packet, PacketBuilder(left).build());
  EXPECT_TRUE(packets[0].departures_complete);
  EXPECT_EQ(count(ImportNote::kTranslatedAtBridge), 1U);
}

// The bridge has the address of one of its ports, and there packets are seen as for this host.
TEST_F(MergeTest, ATranslatingPortWithTheBridgesOwnAddressIsAPortToo) {
  const auto reply = PacketBuilder::udp("10.180.0.1:53", "10.180.0.254:4000");
  const auto on_bridge = PacketBuilder::udp("10.180.0.1:53", "203.0.113.9:4000");
  world_.interfaces.back().master = "cni0";
  const auto packets = import_any(
      {{microseconds(0), enters(kVeth1, reply)}, {microseconds(9), enters(kBridge, on_bridge)}},
      {true});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, PacketBuilder(reply).build());
}

TEST_F(MergeTest, ABridgeThatTranslatesFromPortToPortDoesNotShowWhatARouterWouldDo) {
  const auto request = PacketBuilder::tcp("10.180.0.1:4000", "10.96.0.10:80").syn().ttl(64);
  const auto chosen = PacketBuilder::tcp("10.180.0.1:4000", "10.180.0.2:8080").syn().ttl(64);
  const auto crossed = PacketBuilder::tcp("192.168.0.2:4000", "10.180.0.2:8080").syn().ttl(64);
  world_.interfaces.back().master = "cni0";
  for (const uint8_t port_shows : {kToOthers, kToUs}) {
    const auto packets = import_any(
        {{microseconds(0), cooked_v2(port_shows, kVeth1, PacketBuilder(request).build())},
         {microseconds(9), leaves(kBridge, chosen)},
         {microseconds(11), leaves(kVeth1 + 1, crossed)},
         {milliseconds(50), enters(kEth0, kRequest)}},
        {true});
    ASSERT_EQ(packets.size(), 2U);
    EXPECT_EQ(packets[0].packet, PacketBuilder(request).build());
    EXPECT_TRUE(packets[0].departures.empty());
    EXPECT_FALSE(packets[0].departures_complete);
    EXPECT_EQ(count(ImportNote::kTranslatedAtBridge), 2U);
  }
}

TEST_F(MergeTest, AnotherPacketOnTheBridgeIsNotTheOneThatPassed) {
  const auto passed = PacketBuilder::udp("10.180.0.1:4000", "10.180.0.2:80").payload("same");
  const auto entered = PacketBuilder::udp("10.180.0.3:4000", "10.96.0.10:80").payload("same");
  const auto packets =
      import_any({{microseconds(0), cooked_v2(kToOthers, kVeth1, PacketBuilder(passed).build())},
                  {microseconds(9), enters(kBridge, entered)}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, PacketBuilder(entered).build());
  EXPECT_EQ(count(ImportNote::kBridged), 1U);
}

TEST_F(MergeTest, ABurstOfEqualPacketsIsJoinedOneByOne) {
  constexpr int kBurst = 200;
  std::vector<TestFrame> frames;
  for (int i = 0; i < kBurst; ++i) frames.push_back({microseconds(i), enters(kEth0, kRequest)});
  for (int i = 0; i < kBurst; ++i) {
    frames.push_back({microseconds(kBurst + i), leaves(kVeth1, kForwarded)});
  }
  EXPECT_EQ(import_any(frames).size(), static_cast<size_t>(kBurst));
  EXPECT_EQ(count(ImportNote::kDeparture), static_cast<uint64_t>(kBurst));
}

TEST_F(MergeTest, ARetransmissionOnTheSameInterfaceIsAnotherPacket) {
  EXPECT_EQ(import_any({{microseconds(0), enters(kEth0, kRequest)},
                        {microseconds(1), enters(kEth0, kRequest)}})
                .size(),
            2U);
}

TEST_F(MergeTest, WithoutInterfacesOnlyAnImmediateSightingIsARepeat) {
  const Bytes frame = cooked_v1(kToUs, PacketBuilder(kRequest).build());
  const std::string file = write_capture(
      "any.pcap", DLT_LINUX_SLL,
      {{microseconds(0), frame}, {microseconds(10), frame}, {milliseconds(1), frame}});
  EXPECT_EQ(import({file}).size(), 2U);
  EXPECT_EQ(count(ImportNote::kRepeatedSighting), 1U);
}

TEST_F(MergeTest, ARejectionIsTheAnswerToThePacketThatItQuotes) {
  PacketBuilder request = PacketBuilder::udp("203.0.113.9:4000", "10.96.0.10:53").ttl(60);
  const Bytes quoted = PacketBuilder(request).ttl(59).build();
  const auto packets = import_any(
      {{microseconds(0), enters(kEth0, request)},
       {microseconds(9),
        leaves(kEth0, PacketBuilder::icmp("192.168.0.2", "203.0.113.9", 3, 3).payload(quoted))}});
  ASSERT_EQ(packets.size(), 1U);
  ASSERT_EQ(packets[0].departures.size(), 1U);
  EXPECT_TRUE(packets[0].departures[0].is_answer);
  EXPECT_EQ(count(ImportNote::kAnswer), 1U);
}

TEST_F(MergeTest, ADeliveredPacketHasNoDepartureAndTheCaptureWouldShowOne) {
  const auto packets = import_any(
      {{microseconds(0), enters(kEth0, kRequest)}, {milliseconds(50), enters(kEth0, kRequest)}});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_TRUE(packets[0].departures.empty());
  EXPECT_TRUE(packets[0].departures_complete);
  // The capture ended too early to tell.
  EXPECT_FALSE(packets[1].departures_complete);
}

TEST_F(MergeTest, WhatEntersWithAnAddressOfTheNodeWasSentByAnother) {
  const auto packets = import_any(
      {{microseconds(0), enters(kEth0, PacketBuilder::udp("192.168.0.2:7", "10.96.0.10:53"))}});
  EXPECT_EQ(packets.at(0).ingress, Ingress{kEth0});
}

TEST_F(MergeTest, TheNodesOwnPacketIsGivenAsItLeftWhereNothingElseShowsIt) {
  PacketBuilder packet = PacketBuilder::tcp("192.168.0.2:4000", "10.180.1.7:8080").syn();
  const auto packets = import_any({{microseconds(0), leaves(kEth0, packet)}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_TRUE(packets[0].as_it_left);
  EXPECT_TRUE(packets[0].ingress.is_host());
  EXPECT_EQ(packets[0].packet, packet.build());
  EXPECT_EQ(packets[0].departures.at(0).packet, packet.build());
  EXPECT_EQ(count(ImportNote::kAsItLeft), 1U);
}

TEST_F(MergeTest, ItIsOnePacketWhereABridgeShowsItTwice) {
  PacketBuilder packet = PacketBuilder::tcp("192.168.0.2:4000", "10.180.0.1:8080").syn();
  const auto packets = import_any(
      {{microseconds(0), leaves(kBridge, packet)}, {microseconds(1), leaves(kVeth1, packet)}});
  EXPECT_EQ(packets.size(), 1U);
  EXPECT_EQ(count(ImportNote::kRepeatedSighting), 1U);
}

TEST_F(MergeTest, SoIsTheAnswerThatItsProcessGaveThroughAService) {
  PacketBuilder reply = PacketBuilder::tcp("10.96.0.10:80", "203.0.113.9:4000").syn().ack(1);
  EXPECT_EQ(import_any({{microseconds(0), leaves(kEth0, reply)}}).size(), 1U);
  EXPECT_TRUE(import_any({{microseconds(0), leaves(kEth0, reply.ttl(63))}}).empty());
  EXPECT_EQ(count(ImportNote::kUnexplainedDeparture), 1U);
}

TEST_F(MergeTest, APodsPacketSeenOnlyLeavingIsUnexplained) {
  PacketBuilder packet = PacketBuilder::tcp("10.180.0.1:4000", "203.0.113.9:80").syn();
  EXPECT_TRUE(import_any({{microseconds(0), leaves(kEth0, packet)}}).empty());
  EXPECT_EQ(count(ImportNote::kUnexplainedDeparture), 1U);
}

const PacketBuilder kHostRequest = PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn();
const PacketBuilder kHostLeft = PacketBuilder::tcp("192.168.0.2:4000", "10.180.0.1:8080").syn();

TEST_F(MergeTest, ALoggedPacketEntersBeforeItLeftHoweverLateTheLog) {
  PacketBuilder reply = PacketBuilder::tcp("10.180.0.1:8080", "192.168.0.2:4000").syn().ack(1);
  const auto packets = import_both(
      {{microseconds(0), leaves(kVeth1, kHostLeft)}, {microseconds(50), enters(kVeth1, reply)}},
      {{milliseconds(1000), logged_output(PacketBuilder(kHostRequest).build())}});
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_TRUE(packets[0].ingress.is_host());
  EXPECT_FALSE(packets[0].as_it_left);
  EXPECT_EQ(packets[0].packet, PacketBuilder(kHostRequest).build());
  EXPECT_EQ(packets[0].place, (FramePlace{1, 1}));
  EXPECT_EQ(packets[0].time, microseconds(0));
  EXPECT_EQ(packets[0].departures.at(0).packet, PacketBuilder(kHostLeft).build());
  EXPECT_EQ(packets[1].packet, reply.build());
  EXPECT_EQ(count(ImportNote::kUnexplainedDeparture), 0U);
}

TEST_F(MergeTest, ALoggedPacketMayLeaveAfterTheLog) {
  const auto packets =
      import_both({{microseconds(9), leaves(kVeth1, kHostLeft)}},
                  {{microseconds(0), logged_output(PacketBuilder(kHostRequest).build())}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].departures.size(), 1U);
}

TEST_F(MergeTest, WithALogNothingIsGuessedOfWhatLeft) {
  EXPECT_TRUE(import_both({{microseconds(0), leaves(kVeth1, kHostLeft)}}, {}).empty());
  EXPECT_EQ(count(ImportNote::kUnexplainedDeparture), 1U);
}

TEST_F(MergeTest, ALoggedDatagramLeavesInFragments) {
  PacketBuilder builder = PacketBuilder::udp("192.168.0.2:7", "203.0.113.9:53").payload_size(3400);
  std::vector<TestFrame> any;
  for (const Bytes& fragment : builder.build_fragments(1480)) {
    any.push_back({microseconds(any.size()), cooked_v2(kOutgoing, kEth0, fragment)});
  }
  const auto packets =
      import_both(any, {{milliseconds(9), logged_output(builder.dont_fragment(false).build())}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].departures.size(), any.size());
}

TEST_F(MergeTest, ARejectionToTheHostItselfIsLogged) {
  const Bytes request = PacketBuilder::udp("192.168.0.2:7", "10.96.0.10:53").build();
  const auto packets = import_both(
      {},
      {{microseconds(0), logged_output(request)},
       {microseconds(1),
        logged_output(
            PacketBuilder::icmp("192.168.0.2", "192.168.0.2", 3, 3).payload(request).build())}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_TRUE(packets[0].departures.at(0).is_answer);
}

TEST_F(MergeTest, WhatLoopsBackToTheHostShowsItsTranslation) {
  const Bytes looped = PacketBuilder::tcp("192.168.0.2:4000", "192.168.0.2:8080").syn().build();
  const auto packets =
      import_both({{microseconds(0), cooked_v2(kToUs, 1, looped, 772)},
                   {milliseconds(600), enters(kEth0, kRequest)}},
                  {{milliseconds(500), logged_output(PacketBuilder(kHostRequest).build())}});
  ASSERT_EQ(packets.size(), 2U);
  ASSERT_EQ(packets[0].departures.size(), 1U);
  EXPECT_EQ(packets[0].departures[0].packet, looped);
  EXPECT_TRUE(packets[0].departures[0].loopback);
  EXPECT_TRUE(packets[0].departures_complete);
  EXPECT_EQ(packets[0].time, microseconds(0));
  EXPECT_EQ(count(ImportNote::kLoopback), 0U);
}

TEST_F(MergeTest, AndSoDoesItWhereTheLogCameFirst) {
  const Bytes looped = PacketBuilder::tcp("192.168.0.2:4000", "192.168.0.2:8080").syn().build();
  const auto packets =
      import_both({{microseconds(9), cooked_v2(kOutgoing, 1, looped, 772)}},
                  {{microseconds(0), logged_output(PacketBuilder(kHostRequest).build())}});
  ASSERT_EQ(packets.size(), 1U);
  ASSERT_EQ(packets[0].departures.size(), 1U);
  EXPECT_TRUE(packets[0].departures[0].loopback);
}

TEST_F(MergeTest, WithoutALogWhatLoopsBackIsSetAside) {
  const Bytes looped = PacketBuilder::tcp("192.168.0.2:4000", "192.168.0.2:8080").syn().build();
  const auto packets = import_any({{microseconds(0), cooked_v2(kToUs, 1, looped, 772)}});
  EXPECT_TRUE(packets.empty());
  EXPECT_EQ(count(ImportNote::kLoopback), 1U);
}

TEST_F(MergeTest, ARejectionOverLoopbackJoinsThePacketThatIsLoggedLater) {
  const Bytes request = PacketBuilder::udp("192.168.0.2:7", "10.96.0.10:53").build();
  const Bytes error =
      PacketBuilder::icmp("192.168.0.2", "192.168.0.2", 3, 3).payload(request).build();
  const auto packets = import_both({{microseconds(0), cooked_v2(kToUs, 1, error, 772)}},
                                   {{milliseconds(500), logged_output(request)}});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].packet, request);
  EXPECT_EQ(packets[0].time, microseconds(0));
  ASSERT_EQ(packets[0].departures.size(), 1U);
  EXPECT_TRUE(packets[0].departures[0].is_answer);
  EXPECT_TRUE(packets[0].departures[0].loopback);
}

TEST_F(MergeTest, OfTwoRejectionsEveryPacketHasItsOwn) {
  const Bytes request = PacketBuilder::udp("192.168.0.2:7", "10.96.0.10:53").build();
  const Bytes error =
      PacketBuilder::icmp("192.168.0.2", "192.168.0.2", 3, 3).payload(request).build();
  const auto packets = import_both(
      {{microseconds(0), cooked_v2(kToUs, 1, error, 772)},
       {milliseconds(20), cooked_v2(kToUs, 1, error, 772)}},
      {{milliseconds(500), logged_output(request)}, {milliseconds(501), logged_output(request)}});
  ASSERT_EQ(packets.size(), 2U);
  for (const CapturedPacket& packet : packets) EXPECT_EQ(packet.departures.size(), 1U);
  EXPECT_EQ(packets[0].time, microseconds(0));
  EXPECT_EQ(packets[1].time, milliseconds(20));
}

PacketBuilder large(std::string_view to, uint8_t ttl) {
  return PacketBuilder::tcp("203.0.113.9:4000", to).ack(7).ttl(ttl).payload_size(4000);
}

TEST_F(MergeTest, ALargeFrameLeavesWholeAndBothAreCutAlike) {
  const auto packets = import_any({{microseconds(0), enters(kEth0, large("10.96.0.10:80", 60))},
                                   {microseconds(9), leaves(kVeth1, large("10.180.0.1:80", 59))}});
  ASSERT_EQ(packets.size(), 3U);
  for (const CapturedPacket& packet : packets) {
    const Bytes& left = packet.departures.at(0).packet;
    EXPECT_EQ(left.size(), packet.packet.size());
    EXPECT_TRUE(
        is_same_packet(packet.packet, *parse_packet(packet.packet), left, *parse_packet(left)));
  }
  EXPECT_EQ(count(ImportNote::kSegmented), 1U);
}

TEST_F(MergeTest, ALargeFrameIsCutAsItsSegmentsLeft) {
  const Bytes left = large("10.180.0.1:80", 59).build();
  const std::vector<uint32_t> cuts = {1000, 2000, 3000};
  std::vector<TestFrame> frames = {{microseconds(0), enters(kEth0, large("10.96.0.10:80", 60))}};
  for (const Bytes& segment : cut_segments(left, *parse_packet(left), cuts)) {
    frames.push_back({microseconds(frames.size()), cooked_v2(kOutgoing, kVeth1, segment)});
  }
  const auto packets = import_any(frames);
  ASSERT_EQ(packets.size(), 4U);
  for (const CapturedPacket& packet : packets) {
    EXPECT_EQ(packet.packet.size(), 1040U);
    EXPECT_EQ(packet.departures.size(), 1U);
  }
}

TEST_F(MergeTest, EthernetLearnsTheNodesAddressFromItsTraffic) {
  constexpr uint8_t kNode = 1;
  constexpr uint8_t kRouter = 9;
  PacketBuilder request = PacketBuilder::tcp("203.0.113.9:4000", "192.168.0.2:30080").syn();
  PacketBuilder left = PacketBuilder::tcp("192.168.0.2:4000", "10.180.1.7:8080").syn();
  const std::string file =
      write_capture("eth0.pcap", DLT_EN10MB,
                    {{microseconds(0), ethernet(kRouter, kNode, request.ttl(60).build())},
                     {microseconds(9), ethernet(kNode, kRouter, left.ttl(59).build())}});
  const auto packets = import({file});
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(packets[0].departures.size(), 1U);
  EXPECT_FALSE(packets[0].departures_complete);  // what leaves to pods is not seen on eth0
}

TEST_F(MergeTest, FilesAreMergedByTime) {
  const auto one = write_capture("one.pcap", DLT_RAW,
                                 {{microseconds(1), PacketBuilder(kRequest).build()},
                                  {microseconds(3), PacketBuilder(kRequest).build()}});
  const auto two =
      write_capture("two.pcap", DLT_RAW, {{microseconds(2), PacketBuilder(kRequest).build()}});
  const auto packets = import({one, two});
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[0].place, (FramePlace{0, 1}));
  EXPECT_EQ(packets[1].place, (FramePlace{1, 1}));
  EXPECT_EQ(packets[2].place, (FramePlace{0, 2}));
}

}  // namespace
}  // namespace kubeproof
