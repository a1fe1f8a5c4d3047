#include "replay/engine/netfilter_node.h"

#include <chrono>
#include <thread>

#include "model/packet/packet_builder.h"
#include "replay/engine/child_process.h"
#include "tests/unit/engine/kernel_support.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

// One UDP and one TCP service without masquerading, in the manner of kube-proxy.
constexpr const char* kRules = R"(*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:SERVICES - [0:0]
-A PREROUTING -j SERVICES
-A OUTPUT -j SERVICES
-A SERVICES -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.180.0.9:5353
-A SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.180.0.9:8080
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -d 10.96.0.11/32 -j REJECT --reject-with icmp-port-unreachable
-A OUTPUT -d 10.96.0.11/32 -j REJECT --reject-with icmp-port-unreachable
-A OUTPUT -d 10.96.0.12/32 -j DROP
-A FORWARD -m mark --mark 0x7/0x7 -j DROP
COMMIT
)";

// Without a rule that needs it, the kernel does not track connections.
constexpr const char* kOnlyTracking = R"(*nat
COMMIT
*filter
-A FORWARD -m conntrack --ctstate INVALID -j DROP
COMMIT
)";

class NetfilterNodeTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    start(small_world(), kRules);
  }

  void start(const World& world, const char* rules) {
    auto node = NetfilterNode::create(world, IptablesVariant::kLegacy);
    ASSERT_TRUE(node) << node.error().message;
    node_ = std::move(*node);
    const auto loaded = node_->load_rules(Family::kIpv4, rules);
    ASSERT_TRUE(loaded) << loaded.error().message;
  }

  const Fate& inject(Ingress ingress, const Bytes& packet, uint32_t mark = 0) {
    const auto injected = node_->inject({ingress, packet, mark}, fate_);
    EXPECT_TRUE(injected) << injected.error().message;
    return fate_;
  }

  std::unique_ptr<NetfilterNode> node_;
  Fate fate_;
};

constexpr Ingress at(uint32_t interface) {
  return Ingress{interface};
}

TEST_F(NetfilterNodeTest, ForwardedPacketLeavesByTheRouteWithItsTtlLowered) {
  const Fate& fate =
      inject(at(kPod1), PacketBuilder::udp("10.180.0.9:1000", "10.180.0.10:2000").build());
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].place, Place{kPod2});
  EXPECT_EQ(fate[0].packet,
            PacketBuilder::udp("10.180.0.9:1000", "10.180.0.10:2000").ttl(63).build());
}

TEST_F(NetfilterNodeTest, DeliveryIsSeenWholeAndUnanswered) {
  const Bytes packet =
      PacketBuilder::tcp("192.168.0.7:1000", "192.168.0.2:9").syn().payload_size(1400).build();
  const Fate& fate = inject(at(kUplink), packet);
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_TRUE(fate[0].place.is_sockets());
  EXPECT_EQ(fate[0].packet, packet);
  EXPECT_TRUE(
      inject(at(kUplink), PacketBuilder::udp("192.168.0.7:1", "192.168.0.99:2").build()).size() ==
      1);
}

TEST_F(NetfilterNodeTest, DeliveredFlowIsConfirmed) {
  inject(at(kUplink), PacketBuilder::udp("192.168.0.7:1000", "192.168.0.2:9").build());
  const auto flows = node_->conntrack().list();
  ASSERT_TRUE(flows);
  ASSERT_EQ(flows->size(), 1U);
  EXPECT_EQ(flows->front().original.source.to_string(), "192.168.0.7:1000");
}

TEST_F(NetfilterNodeTest, ReplyToTheHostIsSeenBehindInputsSourceNat) {
  const Fate& fate =
      inject(Ingress::host(), PacketBuilder::udp("192.168.0.2:4000", "10.96.0.10:53").build());
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].place, Place{kPod1});
  EXPECT_EQ(fate[0].packet, PacketBuilder::udp("192.168.0.2:4000", "10.180.0.9:5353").build());
  inject(at(kPod1), PacketBuilder::udp("10.180.0.9:5353", "192.168.0.2:4000").build());
  ASSERT_EQ(fate_.size(), 1U);
  EXPECT_TRUE(fate_[0].place.is_sockets());
  EXPECT_EQ(fate_[0].packet, PacketBuilder::udp("10.96.0.10:53", "192.168.0.2:4000").build());
}

TEST_F(NetfilterNodeTest, HostPacketsComeOutAsTheyWentInWhateverTheIdentification) {
  for (const uint32_t identification : {0U, 1U, 0xffffU}) {
    for (const char* to : {"192.168.0.7:2000", "192.168.0.2:2000", "127.0.0.1:2000"}) {
      const Bytes packet = PacketBuilder::udp("192.168.0.2:1000", to)
                               .identification(identification)
                               .tos(0x28)
                               .payload("hello")
                               .build();
      const Fate& fate = inject(Ingress::host(), packet);
      ASSERT_EQ(fate.size(), 1U) << to;
      EXPECT_EQ(fate[0].packet, packet) << to << " " << identification;
    }
  }
}

TEST_F(NetfilterNodeTest, Ipv6HostPacketsComeOutAsTheyWentIn) {
  const Bytes packet =
      PacketBuilder::udp("[2001:db8::2]:1000", "[2001:db8::7]:2000").flow_label(0x12345).build();
  const Fate& fate = inject(Ingress::host(), packet);
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].place, Place{kUplink});
  EXPECT_EQ(fate[0].packet, packet);
}

TEST_F(NetfilterNodeTest, HostPacketDroppedInOutputIsADropNotAFailure) {
  EXPECT_TRUE(inject(Ingress::host(), PacketBuilder::udp("192.168.0.2:1", "10.96.0.12:2").build())
                  .dropped());
}

TEST_F(NetfilterNodeTest, RejectionInForwardGoesBackToTheSender) {
  const Fate& fate = inject(at(kPod2), PacketBuilder::udp("10.180.0.10:1", "10.96.0.11:2").build());
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].place, Place{kPod2});
  const auto view = parse_packet(fate[0].packet);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->icmp_type, 3);
  EXPECT_EQ(view->source.to_string(), "192.168.0.2");
}

TEST_F(NetfilterNodeTest, RejectionInOutputIsDeliveredToTheHost) {
  const Fate& fate =
      inject(Ingress::host(), PacketBuilder::udp("192.168.0.2:1", "10.96.0.11:2").build());
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_TRUE(fate[0].place.is_sockets());
  EXPECT_EQ(parse_packet(fate[0].packet)->icmp_code, 3);
}

TEST_F(NetfilterNodeTest, RouterErrorsAreNotRateLimited) {
  const Bytes dying = PacketBuilder::udp("10.180.0.10:1", "192.168.0.77:2").ttl(1).build();
  const Bytes dying6 = PacketBuilder::udp("[fd00::10]:1", "[2001:db8::77]:2").ttl(1).build();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(inject(at(kPod2), dying).size(), 1U) << i;
    ASSERT_EQ(inject(at(kPod2), dying6).size(), 1U) << i;
  }
}

TEST_F(NetfilterNodeTest, MarksStandOnEntryAndDoNotRemain) {
  const Bytes packet = PacketBuilder::udp("10.180.0.9:1000", "10.180.0.10:2000").build();
  EXPECT_TRUE(inject(at(kPod1), packet, 7).dropped());
  EXPECT_EQ(inject(at(kPod1), packet).size(), 1U);
  const Bytes from_host = PacketBuilder::udp("192.168.0.2:1000", "10.180.0.10:2000").build();
  EXPECT_EQ(inject(Ingress::host(), from_host, 7).size(), 1U);
  EXPECT_EQ(inject(Ingress::host(), from_host).size(), 1U);
}

TEST_F(NetfilterNodeTest, TrailingBytesAreNoPartOfThePacket) {
  const Bytes packet =
      PacketBuilder::udp("192.168.0.7:1000", "192.168.0.2:9").payload("x").trailer(17).build();
  const Fate& fate = inject(at(kUplink), packet);
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].packet.size() + 17, packet.size());
}

TEST_F(NetfilterNodeTest, BytesThatAreNoPacketAreDropped) {
  for (const Bytes& bytes : {Bytes{}, Bytes{0x00}, Bytes{0x45}, Bytes{0x60}, Bytes(20, 0xff)}) {
    EXPECT_TRUE(inject(at(kUplink), bytes).dropped());
    EXPECT_TRUE(inject(Ingress::host(), bytes).dropped());
  }
}

TEST_F(NetfilterNodeTest, AnUnknownIngressIsAnError) {
  const Bytes packet = PacketBuilder::udp("192.168.0.7:1000", "192.168.0.2:9").build();
  const auto injected = node_->inject({at(77), packet}, fate_);
  ASSERT_FALSE(injected);
  EXPECT_NE(injected.error().message.find("index 77"), std::string::npos);
}

TEST_F(NetfilterNodeTest, DatagramInFragmentsIsDeliveredReassembled) {
  PacketBuilder datagram = PacketBuilder::udp("192.168.0.7:1000", "192.168.0.2:9");
  datagram.dont_fragment(false).payload_size(60000);
  const std::vector<Bytes> fragments = datagram.build_fragments(1400);
  for (size_t i = 0; i + 1 < fragments.size(); ++i) {
    ASSERT_TRUE(inject(at(kUplink), fragments[i]).dropped());
  }
  const Fate& fate = inject(at(kUplink), fragments.back());
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].packet, datagram.build());
}

TEST_F(NetfilterNodeTest, RulesAreReplacedWhileFlowsLiveOn) {
  inject(at(kPod2), PacketBuilder::udp("10.180.0.10:1", "10.96.0.10:53").build());
  ASSERT_EQ(fate_.size(), 1U);
  ASSERT_TRUE(node_->load_rules(Family::kIpv4, kOnlyTracking));
  const Fate& fate =
      inject(at(kPod2), PacketBuilder::udp("10.180.0.10:1", "10.96.0.10:53").build());
  ASSERT_EQ(fate.size(), 1U);
  EXPECT_EQ(fate[0].place, Place{kPod1});
  EXPECT_EQ(
      inject(at(kPod2), PacketBuilder::udp("10.180.0.10:2", "10.96.0.10:53").build())[0].place,
      Place{kUplink});
}

TEST_F(NetfilterNodeTest, RulesThatTheToolRefusesAreAnErrorInItsWords) {
  const auto loaded = node_->load_rules(Family::kIpv4, "*nat\n-A NOWHERE -j ACCEPT\nCOMMIT\n");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("iptables-legacy-restore"), std::string::npos)
      << loaded.error().message;
}

TEST_F(NetfilterNodeTest, AgeingEndsFlowsExactlyAtTheirTimeout) {
  const Bytes packet = PacketBuilder::udp("10.180.0.10:1", "10.96.0.10:53").build();
  inject(at(kPod2), packet);
  ASSERT_TRUE(node_->age(29));
  EXPECT_EQ(node_->conntrack().list()->size(), 1U);
  ASSERT_TRUE(node_->age(1));
  EXPECT_TRUE(node_->conntrack().list()->empty());
}

TEST_F(NetfilterNodeTest, APacketRefreshesWhatAgeingTookAway) {
  const Bytes packet = PacketBuilder::udp("10.180.0.10:1", "10.96.0.10:53").build();
  inject(at(kPod2), packet);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(node_->age(20));
    inject(at(kPod2), packet);
  }
  EXPECT_EQ(node_->conntrack().list()->size(), 1U);
}

constexpr const char* kRecent = R"(*filter
:FORWARD ACCEPT [0:0]
-A FORWARD -p udp -m udp --dport 1 -m recent --set --name clients
-A FORWARD -p udp -m udp --dport 2 -m recent ! --rcheck --seconds 100 --name clients -j DROP
COMMIT
)";

// The kernel's stamps are so coarse that a renewed one is often the same.
TEST_F(NetfilterNodeTest, AnEntryOfARecentListThatIsRenewedIsAsGoodAsNew) {
  const Bytes set = PacketBuilder::udp("10.180.0.10:1", "10.180.0.9:1").build();
  const Bytes check = PacketBuilder::udp("10.180.0.10:1", "10.180.0.9:2").build();
  start(small_world(), kRecent);
  for (int i = 0; i < 20; ++i) {
    inject(at(kPod2), set);
    ASSERT_TRUE(node_->age(60));
    inject(at(kPod2), set);
    ASSERT_TRUE(node_->age(60));
    EXPECT_FALSE(inject(at(kPod2), check).dropped());
    ASSERT_TRUE(node_->age(60));
    EXPECT_TRUE(inject(at(kPod2), check).dropped());
  }
}

TEST_F(NetfilterNodeTest, AStallDoesNotMakeAStreamOfAUdpFlow) {
  const Bytes request = PacketBuilder::udp("10.180.0.10:1", "10.180.0.9:1").build();
  const Bytes reply = PacketBuilder::udp("10.180.0.9:1", "10.180.0.10:1").build();
  inject(at(kPod2), request);
  inject(at(kPod1), reply);
  std::this_thread::sleep_for(std::chrono::milliseconds(2200));
  inject(at(kPod1), reply);
  ASSERT_TRUE(node_->age(29));
  EXPECT_EQ(node_->conntrack().list()->size(), 1U);
  ASSERT_TRUE(node_->age(1));
  EXPECT_EQ(node_->conntrack().list()->size(), 0U);
}

TEST_F(NetfilterNodeTest, RulesThatLookBackLessFarForgetWhatIsTooOldForThem) {
  const Bytes old = PacketBuilder::udp("10.180.0.10:1", "10.180.0.9:1").build();
  const Bytes fresh = PacketBuilder::udp("10.180.0.11:1", "10.180.0.9:1").build();
  std::string shorter = kRecent;
  shorter.replace(shorter.find("100"), 3, "50");
  start(small_world(), kRecent);
  inject(at(kPod2), old);
  ASSERT_TRUE(node_->age(60));
  inject(at(kPod2), fresh);
  ASSERT_TRUE(node_->load_rules(Family::kIpv4, shorter));
  EXPECT_TRUE(
      inject(at(kPod2), PacketBuilder::udp("10.180.0.10:1", "10.180.0.9:2").build()).dropped());
  EXPECT_FALSE(
      inject(at(kPod2), PacketBuilder::udp("10.180.0.11:1", "10.180.0.9:2").build()).dropped());
}

TEST_F(NetfilterNodeTest, ExplainListsTheRulesInTheOrderThatThePacketMetThem) {
  ASSERT_TRUE(node_->explain(true));
  const Fate& fate =
      inject(at(kPod2), PacketBuilder::udp("10.180.0.10:1", "10.96.0.10:53").build());
  ASSERT_EQ(fate.trace.size(), 3U);
  EXPECT_EQ(fate.trace[0], "nat PREROUTING #1 -j SERVICES");
  EXPECT_EQ(fate.trace[1],
            "nat PREROUTING SERVICES #1 -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT "
            "--to-destination "
            "10.180.0.9:5353");
  EXPECT_TRUE(fate.trace.back().starts_with(
      "conntrack UDP 10.180.0.10:1 > 10.96.0.10:53, replies 10.180.0.9:5353 > 10.180.0.10:1, "))
      << fate.trace.back();
}

TEST_F(NetfilterNodeTest, ExplainWorksForThePacketsOfTheHostAndCanBeTurnedOff) {
  const Bytes packet = PacketBuilder::udp("192.168.0.2:4000", "10.96.0.10:53").build();
  ASSERT_TRUE(node_->explain(true));
  EXPECT_EQ(inject(Ingress::host(), packet).trace[0], "nat OUTPUT #1 -j SERVICES");
  ASSERT_TRUE(node_->explain(false));
  EXPECT_TRUE(inject(Ingress::host(), packet).trace.empty());
}

TEST_F(NetfilterNodeTest, NothingIsEvictedEarlyFromAFewThousandFlows) {
  for (uint16_t port = 1; port <= 5000; ++port) {
    inject(at(kPod2),
           PacketBuilder::udp(SocketAddress{IpAddress::parse("10.180.0.10").value(), port},
                              SocketAddress::parse("10.96.0.10:53").value())
               .build());
  }
  const auto statistics = node_->statistics();
  ASSERT_TRUE(statistics) << statistics.error().message;
  EXPECT_EQ(statistics->entries, 5000U);
  EXPECT_EQ(statistics->early_drop, 0U);
  EXPECT_EQ(statistics->drop, 0U);
}

}  // namespace
}  // namespace kubeproof
