// With XDP on the uplink: what it finishes no other hook sees, and what it leaves fares as without.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/packet/packet_builder.h"
#include "replay/engine/ebpf_engine.h"
#include "tests/unit/datapath/control_fixture.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

// default/web for each family and protocol: node port 30080, an endpoint on another node; and
// default/local, whose endpoint is a pod of this node.
Configuration services() {
  Configuration configuration;
  configuration.world = small_world();
  configuration.proxy.cluster_cidrs = {"10.180.0.0/16", "fd00::/16"};
  const auto add = [&](const std::string& name, const std::string& cluster_ip,
                       const std::string& endpoint, const std::string& node, uint16_t node_port) {
    const bool ipv4 = cluster_ip.find(':') == std::string::npos;
    Service service = control::service(name, cluster_ip);
    service.type = ServiceType::kNodePort;
    service.ip_families = {ipv4 ? Family::kIpv4 : Family::kIpv6};
    EndpointSlice slice = control::slice(name, 8080, {control::endpoint(endpoint, node)});
    slice.address_type = ipv4 ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6;
    const ServicePort port = service.ports[0];
    const SlicePort slice_port = slice.ports[0];
    service.ports.clear();
    slice.ports.clear();
    for (const auto& [port_name, protocol] :
         {std::pair{"tcp", kTcp}, std::pair{"udp", kUdp}, std::pair{"sctp", kSctp}}) {
      service.ports.push_back(port);
      service.ports.back().name = port_name;
      service.ports.back().protocol = protocol;
      service.ports.back().node_port = node_port;
      slice.ports.push_back(slice_port);
      slice.ports.back().name = port_name;
      slice.ports.back().protocol = protocol;
    }
    configuration.cluster.services[service.key] = service;
    configuration.cluster.endpoint_slices[slice.key] = slice;
  };
  add("web", "10.96.0.10", "10.180.1.7", "node-b", 30080);
  add("web6", "fd00:96::10", "fd00:1::7", "node-b", 30080);
  add("local", "10.96.0.11", "10.180.0.9", "node-a", 30081);
  add("local6", "fd00:96::11", "fd00::9", "node-a", 30081);
  return configuration;
}

struct Flow {
  Family family = Family::kIpv4;
  Protocol protocol = kTcp;
};

class EbpfXdpEngine : public testing::TestWithParam<Flow> {
 protected:
  void SetUp() override {
    static EbpfEngines engines({.seed = 1, .xdp = true});
    auto made = engines.make();
    if (!made) GTEST_SKIP() << made.error().message;
    engine_ = std::move(*made);
    const auto programmed = engine_->program(services());
    if (!programmed && programmed.error().kind == ErrorKind::kEnvironment) {
      GTEST_SKIP() << programmed.error().message;
    }
    ASSERT_TRUE(programmed) << programmed.error().message;
    engine_->explain(true);
  }

  static std::string by_family(const char* ipv4, const char* ipv6) {
    return GetParam().family == Family::kIpv4 ? ipv4 : ipv6;
  }
  static std::string client() { return by_family("203.0.113.7:4000", "[2001:db8:c::7]:4000"); }
  static std::string node(uint16_t port) {
    return fmt::format("{}:{}", by_family("192.168.0.2", "[2001:db8::2]"), port);
  }
  static std::string remote() { return by_family("10.180.1.7:8080", "[fd00:1::7]:8080"); }

  static Bytes packet(const std::string& from, const std::string& to, bool answer) {
    switch (GetParam().protocol) {
      case kTcp:
        return answer ? PacketBuilder::tcp(from, to).syn().ack(1).build()
                      : PacketBuilder::tcp(from, to).syn().build();
      case kUdp:
        return PacketBuilder::udp(from, to).payload("x").build();
      default: {
        Bytes init = {static_cast<uint8_t>(answer ? 2 : 1), 0, 0, 20, 0, 0, 0, 9};
        init.resize(20);
        return PacketBuilder::sctp(from, to).payload(ByteView(init)).seq(answer ? 9 : 0).build();
      }
    }
  }

  const Fate& inject(const Bytes& bytes) {
    Injection injection;
    injection.ingress.interface = kUplink;
    injection.packet = bytes;
    const auto done = engine_->inject(injection, fate_);
    EXPECT_TRUE(done) << done.error().message;
    return fate_;
  }
  bool trace_says(std::string_view text) const {
    return std::any_of(fate_.trace.begin(), fate_.trace.end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }

  std::unique_ptr<Engine> engine_;
  Fate fate_;
};

TEST_P(EbpfXdpEngine, FinishesFlowsToOtherNodesAndTheirReplies) {
  ASSERT_EQ(inject(packet(client(), node(30080), false)).size(), 1U);
  EXPECT_TRUE(trace_says("xdp eth0: new flow of default/web"));
  EXPECT_TRUE(trace_says("sent out of eth0"));
  EXPECT_FALSE(trace_says("tc "));
  const PacketView sent = parse_packet(fate_[0].packet).value();
  EXPECT_EQ(sent.destination_endpoint().to_string(), remote());
  EXPECT_EQ(sent.ttl, 63);

  const Bytes answer = packet(remote(), node(sent.source_port), true);
  ASSERT_EQ(inject(answer).size(), 1U);
  EXPECT_TRUE(trace_says("xdp eth0: reply of default/web"));
  EXPECT_FALSE(trace_says("tc "));
  const PacketView back = parse_packet(fate_[0].packet).value();
  EXPECT_EQ(back.source_endpoint().to_string(), node(30080));
  EXPECT_EQ(back.destination_endpoint().to_string(), client());
}

TEST_P(EbpfXdpEngine, LeavesEndpointsOnTheNodeToTc) {
  ASSERT_EQ(inject(packet(client(), node(30081), false)).size(), 1U);
  EXPECT_EQ(fate_[0].place, Place{kPod1});
  EXPECT_TRUE(trace_says("xdp eth0: left to tc"));
  EXPECT_TRUE(trace_says("tc ingress eth0: new flow of default/local"));
}

INSTANTIATE_TEST_SUITE_P(, EbpfXdpEngine,
                         testing::Values(Flow{Family::kIpv4, kTcp}, Flow{Family::kIpv4, kUdp},
                                         Flow{Family::kIpv4, kSctp}, Flow{Family::kIpv6, kTcp},
                                         Flow{Family::kIpv6, kUdp}, Flow{Family::kIpv6, kSctp}),
                         [](const auto& info) {
                           const Protocol protocol = info.param.protocol;
                           return fmt::format("{}{}",
                                              info.param.family == Family::kIpv4 ? "Ipv4" : "Ipv6",
                                              protocol == kTcp   ? "Tcp"
                                              : protocol == kUdp ? "Udp"
                                                                 : "Sctp");
                         });

}  // namespace
}  // namespace kubeproof
