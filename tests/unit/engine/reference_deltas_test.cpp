// What configuration, addresses and chance change in the table of verdicts
// (reference_table_test.cpp), and the corners of kube-proxy's behaviour that surprise.
#include "tests/unit/engine/reference_fixture.h"

namespace kubeproof {
namespace {

constexpr const char* kLocalEndpoint = "10.180.0.10:8080";
constexpr const char* kRemoteEndpoint = "10.180.1.7:8080";

Bytes syn(std::string_view from, std::string_view to) {
  return PacketBuilder::tcp(from, to).syn().build();
}

class ReferenceDeltas : public ReferenceFixture {
 protected:
  Service& web() {
    Service& service = add_service("web", "10.96.0.10:80");
    service.type = ServiceType::kLoadBalancer;
    service.ports[0].node_port = 30080;
    service.external_ips = {"198.51.100.7"};
    service.load_balancer_ingress = {{.ip = "198.51.100.1"}};
    return service;
  }
  void bind_to_uplink(std::string_view address) {
    InterfaceAddress added;
    added.address = IpAddress::parse(address).value();
    added.prefix_length = 32;
    configuration_.world.interfaces[1].addresses.push_back(added);
  }
  bool masqueraded(uint32_t ingress, std::string_view from, std::string_view to) {
    return only_outcome(ingress, syn(from, to)).masquerade;
  }
};

TEST_F(ReferenceDeltas, MasqueradeAllMasqueradesPodsToo) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  configuration_.proxy.masquerade_all = true;
  program();
  EXPECT_TRUE(masqueraded(kPod1, "10.180.0.9:4000", "10.96.0.10:80"));
}

TEST_F(ReferenceDeltas, WithoutADetectorNobodyIsMasqueradedToAClusterIp) {
  web().external_traffic_policy = TrafficPolicy::kLocal;
  add_endpoint("web", kRemoteEndpoint);
  configuration_.proxy.cluster_cidrs.clear();
  program();
  EXPECT_FALSE(masqueraded(0, "192.168.0.2:4000", "10.96.0.10:80"));
  EXPECT_FALSE(masqueraded(kUplink, "203.0.113.9:4000", "10.96.0.10:80"));
  EXPECT_TRUE(evaluate(kPod1, syn("10.180.0.9:4001", "198.51.100.7:80"))[0].emissions.empty())
      << "a pod is a stranger then, and the Local policy drops it";
}

TEST_F(ReferenceDeltas, WithNodeCidrDetectionPodsElsewhereAreStrangers) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  configuration_.proxy.detect_local_mode = DetectLocalMode::kNodeCidr;
  configuration_.cluster.nodes.begin()->second.pod_cidrs = {"10.180.0.0/24"};
  program();
  EXPECT_FALSE(masqueraded(kPod1, "10.180.0.9:4000", "10.96.0.10:80"));
  EXPECT_TRUE(masqueraded(kUplink, "10.180.1.9:4000", "10.96.0.10:80"));
}

TEST_F(ReferenceDeltas, AnAddressBoundOnTheNodeIsRejectedInInput) {
  web();
  bind_to_uplink("198.51.100.7");
  program();
  for (const auto& [ingress, from] :
       {std::pair{kUplink, "203.0.113.9:4000"}, std::pair{0U, "192.168.0.2:4000"}}) {
    const Outcome& outcome = only_outcome(ingress, syn(from, "198.51.100.7:80"));
    EXPECT_TRUE(outcome.rejected);
    EXPECT_EQ(endpoints_of(outcome.emissions[0].packet),
              std::string("198.51.100.7 > ") + std::string(from, strlen(from) - 5));
  }
}

TEST_F(ReferenceDeltas, LocalhostNodePortsWorkForTheNode) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  const Bytes request = pass(0, syn("127.0.0.1:4000", "127.0.0.1:30080"), 5000);
  EXPECT_EQ(endpoints_of(request), "192.168.0.2:5000 > 10.180.1.7:8080");
  const Bytes reply =
      pass(kUplink, PacketBuilder::tcp("10.180.1.7:8080", "192.168.0.2:5000").syn().ack(2).build());
  EXPECT_EQ(endpoints_of(reply), "127.0.0.1:30080 > 127.0.0.1:4000");
}

TEST_F(ReferenceDeltas, AHairpinIsMasqueraded) {
  web();
  add_endpoint("web", "10.180.0.9:8080");
  program();
  const Bytes request = pass(kPod1, syn("10.180.0.9:4000", "10.96.0.10:80"), 5000);
  EXPECT_EQ(endpoints_of(request), "192.168.0.2:5000 > 10.180.0.9:8080");
  const Bytes reply =
      pass(kPod1, PacketBuilder::tcp("10.180.0.9:8080", "192.168.0.2:5000").syn().ack(2).build());
  EXPECT_EQ(endpoints_of(reply), "10.96.0.10:80 > 10.180.0.9:4000");
}

TEST_F(ReferenceDeltas, AnEndpointOfTheNodeItselfGetsTrafficWithItsSource) {
  web();
  add_endpoint("web", "192.168.0.2:8080");
  program();
  const Outcome& outcome = only_outcome(kUplink, syn("203.0.113.9:4000", "192.168.0.2:30080"));
  EXPECT_TRUE(outcome.emissions[0].place.is_sockets());
  EXPECT_EQ(endpoints_of(outcome.emissions[0].packet), "203.0.113.9:4000 > 192.168.0.2:8080")
      << "marked for masquerade, but POSTROUTING is not on its way";
}

TEST_F(ReferenceDeltas, SourceRangesDoNotGuardTheNodePort) {
  web().load_balancer_source_ranges = {"192.0.2.0/24"};
  add_endpoint("web", kRemoteEndpoint);
  program();
  EXPECT_TRUE(only_outcome(kUplink, syn("203.0.113.9:4000", "198.51.100.1:80")).emissions.empty());
  EXPECT_FALSE(
      only_outcome(kUplink, syn("203.0.113.9:4000", "192.168.0.2:30080")).emissions.empty());
}

TEST_F(ReferenceDeltas, ANodePortWithoutEndpointsIsRejectedOnEveryAddressOfTheNode) {
  web();
  configuration_.proxy.node_port_addresses = {"172.16.0.0/12"};
  program();
  EXPECT_TRUE(only_outcome(kUplink, syn("203.0.113.9:4000", "192.168.0.2:30080")).rejected);
  EXPECT_TRUE(only_outcome(0, syn("127.0.0.1:4000", "127.0.0.1:30080")).rejected);
}

TEST_F(ReferenceDeltas, AnEndpointThatIsAnotherServicesDeadNodePortIsRejectedAfterTranslation) {
  web();
  add_service("other", "10.96.0.11:80");
  add_endpoint("other", "192.168.0.2:30080");
  program();
  const Outcome& outcome = only_outcome(kPod1, syn("10.180.0.9:4000", "10.96.0.11:80"));
  EXPECT_TRUE(outcome.rejected);
  EXPECT_EQ(endpoints_of(outcome.emissions[0].packet), "10.96.0.11 > 10.180.0.9")
      << "the error is translated back";
}

TEST_F(ReferenceDeltas, AnEndpointThatIsADeadClusterIpIsRejectedAfterTranslation) {
  web();
  add_service("other", "10.96.0.11:80");
  add_endpoint("other", "10.96.0.10:80");
  program();
  EXPECT_TRUE(only_outcome(kPod1, syn("10.180.0.9:4000", "10.96.0.11:80")).rejected);
}

TEST_F(ReferenceDeltas, NodePortsAnswerOnAddressesThatAreBoundToTheNode) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  bind_to_uplink("198.51.100.99");
  program();
  EXPECT_FALSE(
      only_outcome(kUplink, syn("203.0.113.9:4000", "198.51.100.99:30080")).emissions.empty());
  EXPECT_EQ(endpoints(), std::set<std::string>{kRemoteEndpoint});
}

TEST_F(ReferenceDeltas, APortThatNoServiceHasIsNoMatterOfKubeProxy) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  const Outcome& outcome = only_outcome(kPod1, syn("10.180.0.9:4000", "10.96.0.10:81"));
  EXPECT_EQ(outcome.emissions[0].place, Place{kUplink});
  EXPECT_EQ(endpoints_of(outcome.emissions[0].packet), "10.180.0.9:4000 > 10.96.0.10:81");
}

TEST_F(ReferenceDeltas, AnExternalIpWithoutLocalEndpointsFallsThroughToAnothersNodePort) {
  web().external_traffic_policy = TrafficPolicy::kLocal;
  configuration_.cluster.services.begin()->second.ports[0].port = 30099;
  add_endpoint("web", kRemoteEndpoint);
  Service& other = add_service("other", "10.96.0.11:80");
  other.type = ServiceType::kNodePort;
  other.ports[0].node_port = 30099;
  add_endpoint("other", "10.180.1.8:8080");
  bind_to_uplink("198.51.100.7");
  program();
  only_outcome(kUplink, syn("203.0.113.9:4000", "198.51.100.7:30099"));
  EXPECT_EQ(endpoints(), std::set<std::string>{"10.180.1.8:8080"});
}

TEST_F(ReferenceDeltas, DataWithoutAFlowIsBalancedAfresh) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  const Bytes data =
      PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").ack(77).payload("x").build();
  only_outcome(kPod1, data);
  EXPECT_EQ(endpoints(), std::set<std::string>{kRemoteEndpoint});
}

TEST_F(ReferenceDeltas, SegmentsThatStartNoFlowAreDroppedWhenForwarded) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  for (const uint8_t flags : {0x04, 0x11, 0x12}) {
    const Bytes packet =
        PacketBuilder::tcp("10.180.0.9:4000", "10.180.1.8:80").flags(flags).build();
    EXPECT_TRUE(only_outcome(kPod1, packet).emissions.empty()) << int{flags};
  }
}

TEST_F(ReferenceDeltas, AFlowToTheServiceMovesToAnotherPortWhereADirectFlowHasIts) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  pass(kPod1, syn("10.180.0.9:4000", kRemoteEndpoint));
  const Outcome& outcome = only_outcome(kPod1, syn("10.180.0.9:4000", "10.96.0.10:80"));
  ASSERT_TRUE(outcome.emissions[0].free_port);
  EXPECT_EQ(outcome.emissions[0].free_port->first, 1024);
  EXPECT_FALSE(outcome.masquerade);
}

TEST_F(ReferenceDeltas, ADrawnPortMustBeFree) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  pass(0, syn("192.168.0.2:4000", "10.96.0.10:80"), 5000);
  only_outcome(0, syn("192.168.0.2:4001", "10.96.0.10:80"));
  OutcomeMatch match{0, {5000}};
  EXPECT_EQ(reference_.commit({&match, 1}),
            "port 5000 is taken: another connection has the replies 10.180.1.7:8080 > "
            "192.168.0.2:5000 tcp");
  match.ports = {80};
  EXPECT_EQ(reference_.commit({&match, 1}), "port 80 is not in 1024-65535");
  match.ports = {5001};
  EXPECT_EQ(reference_.commit({&match, 1}), std::nullopt);
}

TEST_F(ReferenceDeltas, LoopbackIsReachedFromOutsideOnlyThroughNodePorts) {
  web();
  add_endpoint("web", kRemoteEndpoint);
  program();
  EXPECT_FALSE(only_outcome(kUplink, syn("203.0.113.9:4000", "127.0.0.1:30080")).emissions.empty());
  EXPECT_TRUE(only_outcome(kUplink, syn("203.0.113.9:4000", "127.0.0.1:22")).emissions.empty());
}

TEST_F(ReferenceDeltas, UdpRepliesComeFromTheService) {
  add_service("dns", "10.96.0.53:53", kUdp);
  add_endpoint("dns", "10.180.1.7:5353");
  program();
  pass(kPod1, PacketBuilder::udp("10.180.0.9:4000", "10.96.0.53:53").payload("?").build());
  EXPECT_EQ(
      pass(kUplink, PacketBuilder::udp("10.180.1.7:5353", "10.180.0.9:4000").payload("!").build()),
      PacketBuilder::udp("10.96.0.53:53", "10.180.0.9:4000").payload("!").ttl(63).build());
}

TEST_F(ReferenceDeltas, Ipv6WorksAsIpv4Does) {
  add_service("web", "[fd01::10]:80");
  add_endpoint("web", "[fd00:1::7]:8080");
  program();
  EXPECT_EQ(pass(kPod1, syn("[fd00::9]:4000", "[fd01::10]:80")),
            PacketBuilder::tcp("[fd00::9]:4000", "[fd00:1::7]:8080").syn().ttl(63).build());
  EXPECT_EQ(endpoints_of(pass(0, syn("[2001:db8::2]:4000", "[fd01::10]:80"), 5000)),
            "[2001:db8::2]:5000 > [fd00:1::7]:8080");
}

TEST_F(ReferenceDeltas, Ipv6IsRejectedWithItsOwnError) {
  add_service("web", "[fd01::10]:80");
  program();
  const Outcome& outcome = only_outcome(kPod1, syn("[fd00::9]:4000", "[fd01::10]:80"));
  EXPECT_TRUE(outcome.rejected);
  const auto view = parse_packet(outcome.emissions[0].packet).value();
  EXPECT_EQ(view.icmp_type, 1);
  EXPECT_EQ(view.icmp_code, 4);
  EXPECT_EQ(view.source.to_string(), "2001:db8::2");
}

}  // namespace
}  // namespace kubeproof
