// Which hooks a packet meets, in which order, and what happens between them. Programs are stood in
// for by functions.
#include "replay/engine/node_simulation.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"
#include "model/packet/translate.h"
#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

using Action = HookOutput::Action;

// Programs as functions, and a log of the hooks that packets met: "ingress eth0 mark 0".
class FakePrograms : public HookPrograms {
 public:
  using Program = std::function<HookOutput(const HookInput&)>;

  void attach(Hook hook, const std::string& interface, Program program) {
    programs_[{hook, interface}] = std::move(program);
  }

  Result<HookOutput> run(const HookInput& input, std::vector<std::string>*) override {
    const auto program = programs_.find({input.hook, input.interface->name});
    // XDP is rare, and only told where it is.
    if (input.hook == Hook::kXdp && program == programs_.end()) return pass(input);
    log.push_back(fmt::format("{} {} from {} mark {}", name_of(input.hook), input.interface->name,
                              input.received_at, input.mark));
    if (program == programs_.end()) return pass(input);
    return program->second(input);
  }

  static std::string_view name_of(Hook hook) {
    if (hook == Hook::kXdp) return "xdp";
    return hook == Hook::kTcIngress ? "ingress" : "egress";
  }

  static HookOutput pass(const HookInput& input) {
    return {.mark = input.mark, .packet = input.packet};
  }

  std::vector<std::string> log;

 private:
  std::map<std::pair<Hook, std::string>, Program> programs_;
};

class NodeSimulationTest : public testing::Test {
 protected:
  NodeSimulationTest()
      : world_(world_of(dual_stack_node(),
                        {cluster_of({pod("a", {"10.180.0.9", "fd00:10:180::9"})})})),
        simulation_(world_, programs_) {
    simulation_.explain(true);
  }

  uint32_t index(std::string_view name) const { return world_.find_interface(name)->index; }

  const Fate& inject(std::string_view interface, ByteView packet, uint32_t mark = 0) {
    Injection injection;
    injection.ingress.interface = interface == "host" ? 0 : index(interface);
    injection.packet = packet;
    injection.mark = mark;
    const auto done = simulation_.inject(injection, fate_);
    EXPECT_TRUE(done) << done.error().message;
    return fate_;
  }

  // "eth0 10.0.0.1 > 10.0.0.2 ttl 63", one for each emission.
  std::vector<std::string> emissions() const {
    std::vector<std::string> lines;
    for (const Emission& one : fate_) {
      const PacketView view = parse_packet(one.packet).value();
      lines.push_back(fmt::format(
          "{} {} > {} ttl {}",
          one.place.is_sockets() ? "sockets" : world_.find_interface(one.place.interface)->name,
          view.source.to_string(), view.destination.to_string(), view.ttl));
    }
    return lines;
  }

  // A program that sends everything on.
  FakePrograms::Program redirect(Action action, const std::string& to) {
    return [this, action, to](const HookInput& input) {
      return HookOutput{.action = action,
                        .redirect_interface = index(to),
                        .mark = input.mark | 1,
                        .packet = input.packet};
    };
  }

  World world_;
  FakePrograms programs_;
  NodeSimulation simulation_;
  Fate fate_;
};

PacketBuilder udp(std::string_view from, std::string_view to) {
  const auto parse = [](std::string_view text) { return *IpAddress::parse(text); };
  return PacketBuilder::udp(SocketAddress{parse(from), 4000}, SocketAddress{parse(to), 53});
}

using Lines = std::vector<std::string>;

TEST_F(NodeSimulationTest, ForwardsFromIngressToEgress) {
  inject("eth0", udp("203.0.113.7", "10.180.0.9").build(), 5);
  EXPECT_EQ(emissions(), Lines{"pod1 203.0.113.7 > 10.180.0.9 ttl 63"});
  EXPECT_EQ(programs_.log, (Lines{"ingress eth0 from 2 mark 5", "egress pod1 from 2 mark 5"}));
}

TEST_F(NodeSimulationTest, DeliversToSocketsWithoutAnEgressHook) {
  inject("eth0", udp("203.0.113.7", "192.168.0.2").build());
  EXPECT_EQ(emissions(), Lines{"sockets 203.0.113.7 > 192.168.0.2 ttl 64"});
  EXPECT_EQ(programs_.log, Lines{"ingress eth0 from 2 mark 0"});
}

TEST_F(NodeSimulationTest, SendsTheHostsPacketsThroughEgressOnly) {
  inject("host", udp("192.168.0.2", "8.8.8.8").build());
  EXPECT_EQ(emissions(), Lines{"eth0 192.168.0.2 > 8.8.8.8 ttl 64"});
  EXPECT_EQ(programs_.log, Lines{"egress eth0 from 0 mark 0"});
}

TEST_F(NodeSimulationTest, LoopsTheHostsPacketsToItselfThroughLo) {
  inject("host", udp("192.168.0.2", "127.0.0.1").build());
  EXPECT_EQ(emissions(), Lines{"sockets 192.168.0.2 > 127.0.0.1 ttl 64"});
  EXPECT_EQ(programs_.log, (Lines{"egress lo from 0 mark 0", "ingress lo from 1 mark 0"}));
}

TEST_F(NodeSimulationTest, ProgramsCanTellWhatTheHostHearsOfItself) {
  std::vector<bool> looped_back;
  programs_.attach(Hook::kTcIngress, "eth0", [&](const HookInput& input) {
    looped_back.push_back(input.looped_back);
    return FakePrograms::pass(input);
  });
  inject("host", udp("192.168.0.2", "192.168.0.255").build());
  EXPECT_EQ(emissions(), (Lines{"eth0 192.168.0.2 > 192.168.0.255 ttl 64",
                                "sockets 192.168.0.2 > 192.168.0.255 ttl 64"}));
  inject("eth0", udp("203.0.113.7", "192.168.0.255").build());
  EXPECT_EQ(looped_back, (std::vector{true, false}));
}

TEST_F(NodeSimulationTest, DeliversWhatLoopedEvenWhenAProgramChangedItsDestination) {
  programs_.attach(Hook::kTcEgress, "lo", [](const HookInput& input) {
    static Bytes changed;
    changed.assign(input.packet.begin(), input.packet.end());
    PacketView view = parse_packet(changed).value();
    rewrite_destination(changed, view, {*IpAddress::parse("10.180.0.9"), 53});
    return HookOutput{.mark = input.mark, .packet = changed};
  });
  inject("host", udp("192.168.0.2", "127.0.0.1").build());
  EXPECT_EQ(emissions(), Lines{"sockets 192.168.0.2 > 10.180.0.9 ttl 64"});
}

// Indices grow with every pod that a node has ever had.
TEST_F(NodeSimulationTest, KnowsInterfacesOfTheHighestIndex) {
  World world = world_;
  const uint32_t old = index("pod1");
  constexpr uint32_t kHighest = 0x7fffffff;
  for (Interface& each : world.interfaces) {
    if (each.index == old) each.index = kHighest;
  }
  for (Route& each : world.routes) {
    if (each.interface == old) each.interface = kHighest;
  }
  NodeSimulation simulation(world, programs_);
  const Bytes packet = udp("203.0.113.7", "10.180.0.9").build();
  ASSERT_TRUE(simulation.inject({{index("eth0")}, packet, 0}, fate_));
  ASSERT_EQ(std::distance(fate_.begin(), fate_.end()), 1);
  EXPECT_EQ(fate_.begin()->place.interface, kHighest);
}

TEST_F(NodeSimulationTest, DropsWhereAProgramSaysSo) {
  programs_.attach(Hook::kTcIngress, "eth0",
                   [](const HookInput&) { return HookOutput{.action = Action::kDrop}; });
  EXPECT_TRUE(inject("eth0", udp("203.0.113.7", "10.180.0.9").build()).dropped());
}

TEST_F(NodeSimulationTest, ARedirectToEgressSkipsTheStack) {
  programs_.attach(Hook::kTcIngress, "eth0", redirect(Action::kRedirectNeighbour, "pod1"));
  inject("eth0", udp("203.0.113.7", "10.96.0.10").ttl(1).build());
  EXPECT_EQ(emissions(), Lines{"pod1 203.0.113.7 > 10.96.0.10 ttl 1"});
  EXPECT_EQ(programs_.log, (Lines{"ingress eth0 from 2 mark 0", "egress pod1 from 2 mark 1"}));
}

TEST_F(NodeSimulationTest, WhatXdpSendsMeetsNoOtherHook) {
  programs_.attach(Hook::kXdp, "eth0", redirect(Action::kTransmit, "eth0"));
  inject("eth0", udp("203.0.113.7", "10.180.0.9").ttl(7).build());
  EXPECT_EQ(emissions(), Lines{"eth0 203.0.113.7 > 10.180.0.9 ttl 7"});
  EXPECT_EQ(programs_.log, (Lines{"xdp eth0 from 2 mark 0"}));
}

TEST_F(NodeSimulationTest, WhatXdpPassesGoesOnToTc) {
  programs_.attach(Hook::kXdp, "eth0", FakePrograms::pass);
  inject("eth0", udp("203.0.113.7", "10.180.0.9").ttl(7).build());
  EXPECT_EQ(emissions(), Lines{"pod1 203.0.113.7 > 10.180.0.9 ttl 6"});
  EXPECT_EQ(programs_.log, (Lines{"xdp eth0 from 2 mark 0", "ingress eth0 from 2 mark 0",
                                  "egress pod1 from 2 mark 0"}));
}

TEST_F(NodeSimulationTest, XdpMeetsOnlyWhatComesFromALink) {
  programs_.attach(Hook::kXdp, "lo", FakePrograms::pass);
  programs_.attach(Hook::kXdp, "eth0", FakePrograms::pass);
  programs_.attach(Hook::kTcEgress, "eth0", redirect(Action::kRedirectIngress, "lo"));
  inject("host", udp("192.168.0.77", "192.168.0.2").build());
  inject("host", udp("192.168.0.77", "8.8.8.8").build());
  for (const std::string& line : programs_.log) EXPECT_FALSE(line.starts_with("xdp")) << line;
}

TEST_F(NodeSimulationTest, PaddingThatXdpSendsOnIsNoneOfThePacket) {
  programs_.attach(Hook::kXdp, "eth0", redirect(Action::kTransmit, "eth0"));
  Bytes packet = udp("203.0.113.7", "10.180.0.9").build();
  const size_t length = packet.size();
  packet.resize(46);
  ASSERT_EQ(inject("eth0", packet).size(), 1U);
  EXPECT_EQ(fate_[0].packet.size(), length);
}

TEST_F(NodeSimulationTest, ARedirectToIngressStartsAnew) {
  programs_.attach(Hook::kTcEgress, "eth0", redirect(Action::kRedirectIngress, "pod1"));
  programs_.attach(Hook::kTcIngress, "pod1", redirect(Action::kRedirectPeer, "pod1"));
  inject("host", udp("192.168.0.77", "8.8.8.8").build());
  EXPECT_EQ(emissions(), Lines{"pod1 192.168.0.77 > 8.8.8.8 ttl 64"});
  EXPECT_EQ(programs_.log, (Lines{"egress eth0 from 0 mark 0",
                                  fmt::format("ingress pod1 from {} mark 1", index("pod1"))}));
}

TEST_F(NodeSimulationTest, EndsWhatProgramsSendInCircles) {
  programs_.attach(Hook::kTcEgress, "eth0", redirect(Action::kRedirectIngress, "pod1"));
  inject("host", udp("192.168.0.77", "8.8.8.8").ttl(255).build());
  EXPECT_EQ(emissions(), Lines{});
  EXPECT_NE(fate_.trace.back().find("sent in circles"), std::string::npos);
}

TEST_F(NodeSimulationTest, MartianChecksMeetWhatIsRedirectedToIngress) {
  programs_.attach(Hook::kTcEgress, "eth0", redirect(Action::kRedirectIngress, "lo"));
  inject("host", udp("192.168.0.2", "10.96.0.10").build());
  EXPECT_EQ(emissions(), Lines{});
  EXPECT_EQ(fate_.trace.back(), "lo: dropped, martian source");
}

TEST_F(NodeSimulationTest, ARedirectToThePeerMeetsNoFurtherHook) {
  programs_.attach(Hook::kTcIngress, "eth0", redirect(Action::kRedirectPeer, "pod1"));
  inject("eth0", udp("203.0.113.7", "10.180.0.9").build());
  EXPECT_EQ(emissions(), Lines{"pod1 203.0.113.7 > 10.180.0.9 ttl 64"});
  EXPECT_EQ(programs_.log, Lines{"ingress eth0 from 2 mark 0"});
}

TEST_F(NodeSimulationTest, ARedirectToAMissingInterfaceLosesThePacket) {
  programs_.attach(Hook::kTcIngress, "eth0", [](const HookInput& input) {
    return HookOutput{
        .action = Action::kRedirectEgress, .redirect_interface = 77, .packet = input.packet};
  });
  EXPECT_TRUE(inject("eth0", udp("203.0.113.7", "10.180.0.9").build()).dropped());
}

TEST_F(NodeSimulationTest, ARedirectedPacketThatIsTooLargeIsLostInSilence) {
  programs_.attach(Hook::kTcIngress, "eth0", redirect(Action::kRedirectEgress, "pod1"));
  EXPECT_TRUE(
      inject("eth0", udp("203.0.113.7", "10.180.0.9").payload_size(1600).build()).dropped());
}

TEST_F(NodeSimulationTest, TheStacksErrorsMeetTheEgressHookOnTheirWayBack) {
  inject("eth0", udp("203.0.113.7", "10.180.0.9").ttl(1).build());
  EXPECT_EQ(emissions(), Lines{"eth0 192.168.0.2 > 203.0.113.7 ttl 64"});
  EXPECT_EQ(programs_.log, (Lines{"ingress eth0 from 2 mark 0", "egress eth0 from 0 mark 0"}));
}

TEST_F(NodeSimulationTest, ErrorsAboutWhatAProgramSentToIngressGoToTheHostsSockets) {
  world_.interfaces[0].accept_local = true;
  programs_.attach(Hook::kTcEgress, "eth0", redirect(Action::kRedirectIngress, "lo"));
  inject("host", udp("192.168.0.2", "10.180.0.9").ttl(1).build());
  EXPECT_EQ(emissions(), Lines{"pod1 192.168.0.2 > 10.180.0.9 ttl 1"});
  inject("host", udp("192.168.0.2", "8.8.8.8").ttl(1).build());
  EXPECT_EQ(emissions(), Lines{"sockets 192.168.0.2 > 192.168.0.2 ttl 64"});
}

TEST_F(NodeSimulationTest, EachFragmentThatTheStackCutsMeetsTheEgressHook) {
  world_.interfaces[2].mtu = 1400;
  inject("eth0", udp("203.0.113.7", "10.180.0.9").dont_fragment(false).payload_size(1450).build());
  EXPECT_EQ(fate_.size(), 2U);
  EXPECT_EQ(programs_.log.size(), 3U);
}

TEST_F(NodeSimulationTest, BytesThatAreNoPacketAreDroppedAfterTheIngressHook) {
  EXPECT_TRUE(inject("eth0", Bytes{0x45, 0, 0}).dropped());
  EXPECT_TRUE(inject("host", Bytes{}).dropped());
  EXPECT_EQ(programs_.log, Lines{"ingress eth0 from 2 mark 0"});
}

TEST_F(NodeSimulationTest, TrimsPaddingBeforeItForwards) {
  inject("eth0", udp("203.0.113.7", "10.180.0.9").trailer(6).build());
  ASSERT_EQ(fate_.size(), 1U);
  EXPECT_EQ(check_checksums(fate_[0].packet).transport, ChecksumState::kRight);
  EXPECT_EQ(fate_[0].packet.size(), parse_packet(fate_[0].packet)->total_length);
}

TEST_F(NodeSimulationTest, RefusesAnIngressThatIsNoInterface) {
  Injection injection;
  injection.ingress.interface = 77;
  EXPECT_FALSE(simulation_.inject(injection, fate_));
}

}  // namespace
}  // namespace kubeproof
