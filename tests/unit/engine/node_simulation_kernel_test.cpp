// Holds the simulation without any program to the kernel without any rule: for packets of every
// kind that the stack judges, the same emissions, byte for byte.
#include <algorithm>

#include "model/packet/packet_builder.h"
#include "replay/engine/netfilter_node.h"
#include "replay/engine/node_simulation.h"
#include "tests/unit/engine/kernel_support.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

class NoPrograms : public HookPrograms {
 public:
  Result<HookOutput> run(const HookInput& input, std::vector<std::string>*) override {
    return HookOutput{.mark = input.mark, .packet = input.packet};
  }
};

World world_with_refusing_routes() {
  World world = small_world();
  for (Interface& one : world.interfaces) {
    if (one.index == kPod2) one.mtu = 1400;
  }
  const auto add = [&](std::string_view destination, RouteType type) {
    Route route;
    route.destination = Cidr::parse(destination).value();
    route.type = type;
    world.routes.push_back(route);
  };
  add("10.99.1.0/24", RouteType::kUnreachable);
  add("10.99.2.0/24", RouteType::kProhibit);
  add("10.99.3.0/24", RouteType::kBlackhole);
  add("fd99:1::/64", RouteType::kUnreachable);
  add("fd99:2::/64", RouteType::kProhibit);
  add("fd99:3::/64", RouteType::kBlackhole);
  return world;
}

// "eth0 4500…", sorted, with the IPv4 identification of what the node itself made blanked.
std::vector<std::string> lines(const Fate& fate, ByteView injected) {
  std::vector<std::string> result;
  for (const Emission& one : fate) {
    Bytes packet = one.packet;
    const bool ipv4 = packet[0] >> 4 == 4;
    if (ipv4 && injected.size() >= 6 && load16(packet, 4) != load16(injected, 4)) {
      store16(packet, 4, 0);
      store16(packet, 10, 0);
    }
    result.push_back(fmt::format("{} {:02x}", one.place.interface, fmt::join(packet, "")));
  }
  std::sort(result.begin(), result.end());
  return result;
}

class NodeSimulationKernel : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    auto node = NetfilterNode::create(world_, IptablesVariant::kLegacy);
    if (!node) GTEST_SKIP() << node.error().message;
    node_ = std::move(*node);
  }

  void compare(uint32_t ingress, ByteView packet, const std::string& what) {
    Injection injection;
    injection.ingress.interface = ingress;
    injection.packet = packet;
    Fate ours;
    Fate kernels;
    simulation_.explain(true);
    ASSERT_TRUE(simulation_.inject(injection, ours));
    const auto done = node_->inject(injection, kernels);
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(lines(ours, packet), lines(kernels, packet))
        << "from " << ingress << ": " << what << " (" << describe_packet(packet) << ")\n"
        << fmt::format("{}", fmt::join(ours.trace, "\n"));
  }

  // One packet between each pair, of every size and TTL that makes a difference.
  void compare_all(const std::vector<std::string>& from, const std::vector<std::string>& to) {
    for (const std::string& source : from) {
      for (const std::string& destination : to) {
        for (const uint8_t ttl : {64, 1}) {
          for (const size_t payload : {size_t{8}, size_t{1390}, size_t{1600}}) {
            for (const bool dont_fragment : {false, true}) {
              const auto endpoint = [&](const std::string& text) {
                return SocketAddress{IpAddress::parse(text).value(), 4000};
              };
              const Bytes packet = PacketBuilder::udp(endpoint(source), endpoint(destination))
                                       .ttl(ttl)
                                       .identification(0x1234)
                                       .dont_fragment(dont_fragment)
                                       .payload_size(payload)
                                       .build();
              for (const uint32_t ingress : {kUplink, kPod1}) {
                compare(ingress, packet, source + " to " + destination);
              }
            }
          }
        }
      }
    }
  }

  const World world_ = world_with_refusing_routes();
  NoPrograms programs_;
  NodeSimulation simulation_{world_, programs_};
  std::unique_ptr<NetfilterNode> node_;
};

TEST_F(NodeSimulationKernel, RoutesIpv4AsTheKernelDoes) {
  compare_all({"203.0.113.7", "10.180.0.9", "192.168.0.2", "127.0.0.1", "127.0.0.2", "0.0.0.0",
               "224.0.0.1", "255.255.255.255", "192.168.0.255", "240.0.0.1"},
              {"10.180.0.9", "10.180.0.10", "192.168.0.2", "127.0.0.1", "127.0.0.3",
               "127.255.255.255", "192.168.0.77", "192.168.0.255", "192.168.0.0", "8.8.8.8",
               "224.0.0.1", "224.0.0.9", "255.255.255.255", "0.0.0.0", "240.0.0.9", "10.99.3.1"});
}

TEST_F(NodeSimulationKernel, RoutesIpv6AsTheKernelDoes) {
  compare_all({"2001:db8:9::7", "fd00::9", "2001:db8::2", "::1", "::", "ff02::1", "fe80::7",
               "::ffff:192.0.2.1"},
              {"fd00::9", "fd00::10", "2001:db8::2", "2001:db8::", "2001:db8::77", "::1", "2600::1",
               "ff02::1", "ff02::2", "ff05::2", "ff01::1", "ff02::1:ff00:2", "ff02::5",
               "::", "fd99:1::1", "fd99:2::1", "fd99:3::1"});
}

// ip_error() answers one packet a second for each source (net/ipv4/route.c), whatever the sysctls
// say, so every packet has a source of its own.
TEST_F(NodeSimulationKernel, AnswersMissingRoutesAsTheKernelDoes) {
  for (int kind = 1; kind <= 3; ++kind) {
    const SocketAddress from{IpAddress::parse(fmt::format("198.51.100.{}", kind)).value(), 4000};
    const SocketAddress to{IpAddress::parse(fmt::format("10.99.{}.1", kind)).value(), 53};
    compare(kUplink, PacketBuilder::udp(from, to).identification(0x1234).build(), "no way");
  }
}

TEST_F(NodeSimulationKernel, TreatsBrokenHeadersAsTheKernelDoes) {
  const Bytes good = PacketBuilder::udp("203.0.113.7:4000", "10.180.0.9:53").build();
  const Bytes good6 = PacketBuilder::udp("[2001:db8:9::7]:4000", "[fd00::9]:53").build();
  for (const Bytes& base : {good, good6}) {
    for (size_t at = 0; at < 8; ++at) {
      for (const int value : {0, 1, 5, 0x44, 0x4f, 0x60, 0xff}) {
        Bytes packet = base;
        packet[at] = static_cast<uint8_t>(value);
        // The kernel's TUN devices take nothing else.
        if (packet[0] >> 4 != 4 && packet[0] >> 4 != 6) continue;
        compare(kUplink, packet, fmt::format("byte {} is {}", at, value));
      }
    }
  }
}

TEST_F(NodeSimulationKernel, TreatsOptionsAsTheKernelDoes) {
  const std::vector<Bytes> options = {{1, 1, 1, 0},
                                      {0x99, 4, 0, 0},
                                      {0x99, 9, 0, 0},
                                      {0x99, 1, 0, 0},
                                      {1, 1, 1, 0x99},
                                      {131, 7, 4, 10, 180, 0, 2, 0},
                                      {137, 7, 4, 10, 180, 0, 2, 0},
                                      {7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                                      {7, 7, 8, 10, 1, 1, 1, 0},
                                      {7, 7, 5, 0, 0, 0, 0, 0},
                                      {7, 7, 4, 0, 0, 0, 0, 0x99},
                                      {68, 8, 9, 0x10, 0, 0, 0, 0},
                                      {68, 8, 9, 0xf0, 0, 0, 0, 0},
                                      {68, 12, 5, 3, 8, 8, 8, 8, 0, 0, 0, 0},
                                      {134, 8, 0, 0, 0, 1, 1, 2},
                                      {131, 7, 8, 10, 180, 0, 2, 0x99}};
  for (const Bytes& one : options) {
    for (const char* to :
         {"10.180.0.9:53", "192.168.0.2:53", "10.180.0.10:53", "192.168.0.255:53"}) {
      for (const size_t payload : {8, 1420}) {
        compare(kUplink,
                PacketBuilder::udp("203.0.113.7:4000", to)
                    .identification(0x1234)
                    .dont_fragment(false)
                    .ip_options(one)
                    .payload_size(payload)
                    .build(),
                "options");
      }
    }
  }
  for (const uint8_t type : {0x00, 0x01, 0x05, 0x07, 0x1e, 0x31, 0x5e, 0x9e, 0xde, 0xc2}) {
    for (const char* to : {"[fd00::9]:53", "[2001:db8::2]:53", "[ff02::1]:53"}) {
      compare(kUplink,
              PacketBuilder::udp("[2001:db8:9::7]:4000", to)
                  .extension(0, Bytes{type, 4, 0, 0, 0, 0})
                  .build(),
              "hop-by-hop options");
    }
  }
  compare(kUplink,
          PacketBuilder::udp("[2001:db8:9::7]:4000", "[fd00::9]:53")
              .extension(0, Bytes{0, 0, 0x31, 2, 0, 0})
              .build(),
          "a trace at a multiple of four bytes");
}

TEST_F(NodeSimulationKernel, SendsTheHostsPacketsAsTheKernelDoes) {
  for (const char* to : {"8.8.8.8", "10.180.0.9", "192.168.0.2", "127.0.0.1", "10.99.1.1",
                         "192.168.0.255", "224.0.0.1", "224.0.0.9"}) {
    const SocketAddress from{IpAddress::parse("192.168.0.2").value(), 4000};
    const SocketAddress there{IpAddress::parse(to).value(), 53};
    compare(0, PacketBuilder::udp(from, there).identification(0x1234).build(), "from the host");
  }
  for (const char* to :
       {"2600::1", "fd00::9", "2001:db8::2", "::1", "fd99:1::1", "ff02::1", "ff02::9"}) {
    const SocketAddress from{IpAddress::parse("2001:db8::2").value(), 4000};
    const SocketAddress there{IpAddress::parse(to).value(), 53};
    compare(0, PacketBuilder::udp(from, there).build(), "from the host");
  }
}

}  // namespace
}  // namespace kubeproof
