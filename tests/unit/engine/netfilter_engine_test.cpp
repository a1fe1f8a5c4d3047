#include "replay/engine/netfilter_engine.h"

#include <chrono>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/kernel_support.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kPod1Address = "10.180.0.9";
constexpr const char* kPod2Address = "10.180.0.10";

// A UDP service 10.96.0.10:53 with the given endpoints.
Configuration configuration(const std::vector<std::string>& endpoints) {
  Configuration result;
  result.world = small_world();
  Service service;
  service.key = {"default", "dns"};
  service.cluster_ip = "10.96.0.10";
  service.cluster_ips = {"10.96.0.10"};
  service.ports = {{"dns", kUdp, 53, 0}};
  EndpointSlice slice;
  slice.key = {"default", "dns-a"};
  slice.labels["kubernetes.io/service-name"] = "dns";
  slice.ports = {{"dns", kUdp, 5353}};
  for (const std::string& address : endpoints) {
    SliceEndpoint endpoint;
    endpoint.addresses = {address};
    endpoint.node_name = "node-a";
    slice.endpoints.push_back(endpoint);
  }
  result.cluster.services[service.key] = service;
  result.cluster.endpoint_slices[slice.key] = slice;
  return result;
}

class NetfilterEngineTest : public KernelTest {
 protected:
  void program(const Configuration& wanted) {
    const auto programmed = engine_.program(wanted);
    ASSERT_TRUE(programmed) << programmed.error().message;
  }

  // Where a packet of the client's flow goes.
  std::string destination(uint16_t port = 4000) {
    const Bytes packet = PacketBuilder::udp({IpAddress::parse("192.168.0.7").value(), port},
                                            SocketAddress::parse("10.96.0.10:53").value())
                             .build();
    const auto injected = engine_.inject({Ingress{kUplink}, packet}, fate_);
    EXPECT_TRUE(injected) << injected.error().message;
    if (fate_.dropped()) return "dropped";
    return parse_packet(fate_[0].packet)->destination.to_string();
  }

  NetfilterEngine engine_;
  Fate fate_;
};

TEST_F(NetfilterEngineTest, ServiceTrafficReachesAnEndpoint) {
  program(configuration({kPod1Address}));
  EXPECT_EQ(destination(), kPod1Address);
}

TEST_F(NetfilterEngineTest, AServiceWithoutEndpointsRejects) {
  program(configuration({}));
  EXPECT_EQ(destination(), "192.168.0.7");
  EXPECT_EQ(parse_packet(fate_[0].packet)->icmp_type, 3);
}

TEST_F(NetfilterEngineTest, AFlowLeavesAnEndpointThatIsGone) {
  program(configuration({kPod1Address}));
  EXPECT_EQ(destination(), kPod1Address);
  program(configuration({kPod2Address}));
  EXPECT_EQ(destination(), kPod2Address);
}

TEST_F(NetfilterEngineTest, AFlowStaysWithAnEndpointThatIsStillThere) {
  program(configuration({kPod1Address}));
  EXPECT_EQ(destination(), kPod1Address);
  program(configuration({kPod1Address, kPod2Address}));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(destination(), kPod1Address);
}

TEST_F(NetfilterEngineTest, PartsOfSecondsAddUp) {
  program(configuration({kPod1Address}));
  EXPECT_EQ(destination(), kPod1Address);
  program(configuration({}));
  for (int i = 0; i < 59; ++i) ASSERT_TRUE(engine_.advance(milliseconds(500)));
  EXPECT_EQ(destination(), kPod1Address) << "after 29.5 s, which refreshes the flow";
  for (int i = 0; i < 61; ++i) ASSERT_TRUE(engine_.advance(milliseconds(500)));
  EXPECT_EQ(destination(), "192.168.0.7") << "after 30.5 s more";
}

TEST_F(NetfilterEngineTest, AffinityHoldsUntilItsTimeoutAndNotLonger) {
  Configuration with_affinity = configuration({kPod1Address, kPod2Address});
  Service& service = with_affinity.cluster.services.begin()->second;
  service.client_ip_affinity = true;
  service.affinity_timeout_seconds = 10800;
  program(with_affinity);
  const std::string first = destination(1);
  ASSERT_TRUE(engine_.advance(seconds(10799)));
  for (uint16_t port = 2; port < 22; ++port) {
    EXPECT_EQ(destination(port), first);
  }
  ASSERT_TRUE(engine_.advance(hours(4)));
  bool other = false;
  for (uint16_t attempt = 0; attempt < 20 && !other; ++attempt) {
    other = destination(static_cast<uint16_t>(100 + attempt)) != first;
    ASSERT_TRUE(engine_.advance(hours(4)));
  }
  EXPECT_TRUE(other);
}

TEST_F(NetfilterEngineTest, ExplainQuotesTheRules) {
  program(configuration({kPod1Address}));
  engine_.explain(true);
  destination();
  ASSERT_GE(fate_.trace.size(), 4U);
  EXPECT_EQ(fate_.trace[0],
            "nat PREROUTING #1 -m comment --comment \"kubernetes service portals\" -j "
            "KUBE-SERVICES");
}

TEST_F(NetfilterEngineTest, TheNftVariantDoesTheSame) {
  NetfilterEngine nft(IptablesVariant::kNft);
  const auto programmed = nft.program(configuration({kPod1Address}));
  ASSERT_TRUE(programmed) << programmed.error().message;
  const Bytes packet = PacketBuilder::udp("192.168.0.2:4000", "10.96.0.10:53").build();
  ASSERT_TRUE(nft.inject({Ingress::host(), packet}, fate_));
  ASSERT_EQ(fate_.size(), 1U);
  EXPECT_EQ(fate_[0].place, Place{kPod1});
  const auto view = parse_packet(fate_[0].packet);
  ASSERT_TRUE(nft.inject(
      {Ingress{kPod1},
       PacketBuilder::udp(view->destination_endpoint(), view->source_endpoint()).build()},
      fate_));
  ASSERT_EQ(fate_.size(), 1U);
  EXPECT_TRUE(fate_[0].place.is_sockets());
  EXPECT_EQ(parse_packet(fate_[0].packet)->source_endpoint().to_string(), "10.96.0.10:53");
}

}  // namespace
}  // namespace kubeproof
