// What the reference remembers from packet to packet, through time, and through changes of the
// objects.
#include "tests/unit/engine/reference_fixture.h"

namespace kubeproof {
namespace {

using namespace std::chrono_literals;

constexpr const char* kFirst = "10.180.1.7:8080";
constexpr const char* kSecond = "10.180.1.8:8080";

class ReferenceState : public ReferenceFixture {
 protected:
  Bytes syn(uint16_t port, const char* client = "10.180.0.9") {
    return PacketBuilder::tcp({IpAddress::parse(client).value(), port},
                              SocketAddress::parse("10.96.0.10:80").value())
        .syn()
        .build();
  }
  Bytes datagram(uint16_t port) {
    return PacketBuilder::udp({IpAddress::parse("10.180.0.9").value(), port},
                              SocketAddress::parse("10.96.0.53:53").value())
        .payload("?")
        .build();
  }
  void two_endpoints(bool affinity) {
    Service& service = add_service("web", "10.96.0.10:80");
    service.client_ip_affinity = affinity;
    service.affinity_timeout_seconds = 60;
    add_endpoint("web", kFirst);
    add_endpoint("web", kSecond);
    program();
  }
};

TEST_F(ReferenceState, AffinityBindsAClientToItsEndpoint) {
  two_endpoints(true);
  pass_to(kSecond, kPod1, syn(4000));
  evaluate(kPod1, syn(4001));
  EXPECT_EQ(endpoints(), std::set<std::string>{kSecond});
  evaluate(kPod2, syn(4001, "10.180.0.10"));
  EXPECT_EQ(endpoints(), (std::set<std::string>{kFirst, kSecond})) << "another client is free";
}

TEST_F(ReferenceState, AffinityLastsUpToAndIncludingItsTimeout) {
  two_endpoints(true);
  pass_to(kSecond, kPod1, syn(4000));
  reference_.advance(60s);
  evaluate(kPod1, syn(4001));
  EXPECT_EQ(endpoints(), std::set<std::string>{kSecond});
  reference_.advance(1ns);
  evaluate(kPod1, syn(4001));
  EXPECT_EQ(endpoints(), (std::set<std::string>{kFirst, kSecond}));
}

TEST_F(ReferenceState, ANewConnectionRenewsAffinity) {
  two_endpoints(true);
  pass_to(kSecond, kPod1, syn(4000));
  reference_.advance(50s);
  pass_to(kSecond, kPod1, syn(4001));
  reference_.advance(50s);
  evaluate(kPod1, syn(4002));
  EXPECT_EQ(endpoints(), std::set<std::string>{kSecond});
}

TEST_F(ReferenceState, AnInvisibleChoiceBindsOnceItShows) {
  two_endpoints(true);
  // Dies of its TTL after an endpoint was picked for it, which nobody can see.
  const Bytes dying = PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().ttl(1).build();
  evaluate(kPod1, dying);
  ASSERT_EQ(outcomes_.size(), 2U);
  EXPECT_EQ(outcomes_[0].emissions[0].packet, outcomes_[1].emissions[0].packet);
  const std::vector<OutcomeMatch> both = {{0, {std::nullopt}}, {1, {std::nullopt}}};
  EXPECT_EQ(reference_.commit(both), std::nullopt);

  evaluate(kPod1, syn(4001));
  EXPECT_EQ(endpoints(), (std::set<std::string>{kFirst, kSecond}));
  double odds = 0;
  for (const Outcome& outcome : outcomes_) odds += outcome.probability;
  EXPECT_NEAR(odds, 1, 1e-9);
  pass_to(kSecond, kPod1, syn(4001));
  evaluate(kPod1, syn(4002));
  EXPECT_EQ(endpoints(), std::set<std::string>{kSecond});
}

TEST_F(ReferenceState, RemovingAnEndpointFreesItsClients) {
  two_endpoints(true);
  pass_to(kSecond, kPod1, syn(4000));
  remove_endpoints("web");
  add_endpoint("web", kFirst);
  program();
  evaluate(kPod1, syn(4001));
  EXPECT_EQ(endpoints(), std::set<std::string>{kFirst});
  add_endpoint("web", kSecond);
  program();
  evaluate(kPod1, syn(4002));
  EXPECT_EQ(endpoints(), (std::set<std::string>{kFirst, kSecond}))
      << "its list went with the last rule that named it";
}

TEST_F(ReferenceState, ConnectionsOutliveTheirEndpoint) {
  two_endpoints(false);
  pass_to(kSecond, kPod1, syn(4000));
  remove_endpoints("web");
  program();
  EXPECT_EQ(endpoints_of(pass(kPod1, syn(4000))), "10.180.0.9:4000 > 10.180.1.8:8080");
}

TEST_F(ReferenceState, AnUnansweredConnectionIsForgotten) {
  two_endpoints(false);
  pass_to(kSecond, kPod1, syn(4000));
  reference_.advance(120s - 1ns);
  EXPECT_EQ(evaluate(kPod1, syn(4000)).size(), 1U);
  reference_.advance(1ns);
  EXPECT_EQ(evaluate(kPod1, syn(4000)).size(), 2U);
}

TEST_F(ReferenceState, UdpFlowsOfAGoneEndpointAreForgotten) {
  add_service("dns", "10.96.0.53:53", kUdp);
  add_endpoint("dns", "10.180.1.7:53");
  program();
  pass(kPod1, datagram(4000));
  remove_endpoints("dns");
  add_endpoint("dns", "10.180.1.8:53");
  program();
  EXPECT_EQ(endpoints_of(pass(kPod1, datagram(4000))), "10.180.0.9:4000 > 10.180.1.8:53");
}

TEST_F(ReferenceState, UdpFlowsFromBeforeTheServiceHadEndpointsAreForgotten) {
  add_service("dns", "10.96.0.53:53", kUdp);
  configuration_.cluster.services.clear();
  program();
  EXPECT_EQ(endpoints_of(pass(kPod1, datagram(4000))), "10.180.0.9:4000 > 10.96.0.53:53");
  add_service("dns", "10.96.0.53:53", kUdp);
  add_endpoint("dns", "10.180.1.8:53");
  program();
  EXPECT_EQ(endpoints_of(pass(kPod1, datagram(4000))), "10.180.0.9:4000 > 10.180.1.8:53");
}

TEST_F(ReferenceState, UdpFlowsLastLongerOnceTheyAreAStream) {
  add_service("dns", "10.96.0.53:53", kUdp);
  add_endpoint("dns", "10.180.1.7:53");
  add_endpoint("dns", "10.180.1.8:53");
  program();
  const Bytes reply = PacketBuilder::udp("10.180.1.7:53", "10.180.0.9:4000").payload("!").build();
  pass_to("10.180.1.7:53", kPod1, datagram(4000));
  pass(kUplink, reply);
  reference_.advance(3s);
  pass(kUplink, reply);
  reference_.advance(119s);
  EXPECT_EQ(evaluate(kPod1, datagram(4000)).size(), 1U);
  reference_.advance(1s);
  EXPECT_EQ(evaluate(kPod1, datagram(4000)).size(), 2U);
}

TEST_F(ReferenceState, ASynOnAClosedConnectionChoosesAnew) {
  two_endpoints(false);
  const auto client = [] { return PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80"); };
  const auto server = [] { return PacketBuilder::tcp("10.180.1.8:8080", "10.180.0.9:4000"); };
  pass_to(kSecond, kPod1, client().seq(1000).syn().build());
  pass(kUplink, server().seq(5000).syn().ack(1001).build());
  pass(kPod1, client().seq(1001).ack(5001).build());
  EXPECT_EQ(evaluate(kPod1, client().seq(9000).syn().build()).size(), 1U) << "still open";
  pass(kPod1, client().seq(1001).fin().ack(5001).build());
  pass(kUplink, server().seq(5001).fin().ack(1002).build());
  pass(kPod1, client().seq(1002).ack(5002).build());
  EXPECT_EQ(evaluate(kPod1, client().seq(9000).syn().build()).size(), 2U);
}

TEST_F(ReferenceState, ARefusedConnectionToTheNodeItselfStaysWithoutTranslation) {
  Service& service = add_service("web", "10.96.0.10:80");
  service.type = ServiceType::kNodePort;
  service.ports[0].node_port = 30080;
  program();
  const Bytes request = PacketBuilder::tcp("192.168.0.2:4000", "192.168.0.2:30080").syn().build();
  EXPECT_TRUE(only_outcome(0, request).rejected);
  take(0);
  add_endpoint("web", kFirst);
  program();
  // Its connection was confirmed on its way over lo, and nat is not asked again.
  EXPECT_TRUE(only_outcome(0, request).emissions[0].place.is_sockets());
}

}  // namespace
}  // namespace kubeproof
