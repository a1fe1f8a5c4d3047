// What the stack does around the hooks. The expectations were seen on Linux 6.18; the whole of it
// is held to the running kernel by tests/unit/engine/node_simulation_kernel_test.cpp.
#include "model/node/ip_stack.h"

#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"
#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

World make_node() {
  return world_of(dual_stack_node(), {cluster_of({pod("a", {"10.180.0.9", "fd00:10:180::9"})})});
}

// A node whose world no longer changes. Packets enter at the uplink unless said otherwise.
struct NodeStack {
  explicit NodeStack(World given = make_node()) : world(std::move(given)) {}

  World world;
  RoutingTable routes{world};
  IpStack stack{world, routes};

  const Interface& uplink() const { return world.uplink(); }
  StackResult<RouteDecision> route(Bytes packet) const {
    Ipv4OptionNotes options;
    return stack.route_input(packet, uplink(), options);
  }
  StackResult<void> forward(Bytes& packet) const {
    const auto way = route(packet);
    if (!way) return tl::unexpected(way.error());
    return stack.forward(packet, uplink(), *way);
  }
};

PacketBuilder udp_from_to(std::string_view from, std::string_view to) {
  return PacketBuilder::udp(SocketAddress{address(from), 4000}, SocketAddress{address(to), 53});
}

Bytes udp(std::string_view from, std::string_view to) {
  return udp_from_to(from, to).build();
}

constexpr const char* kClient = "203.0.113.7";
constexpr const char* kClient6 = "2001:db8:9::7";
constexpr const char* kNode = "192.168.0.2";
constexpr const char* kNode6 = "2001:db8::2";
constexpr const char* kPod = "10.180.0.9";
constexpr const char* kPod6 = "fd00:10:180::9";

std::optional<StackDrop> drop_of(const StackResult<RouteDecision>& result) {
  return result ? std::nullopt : std::optional(result.error().drop);
}

TEST(StackReceive, TrimsWhatFollowsThePacket) {
  const NodeStack node;
  const Bytes packet = udp_from_to(kClient, kPod).trailer(10).build();
  EXPECT_EQ(node.stack.receive(packet, node.uplink()), packet.size() - 10);
  const Bytes packet6 = udp_from_to(kClient6, kPod6).trailer(10).build();
  EXPECT_EQ(node.stack.receive(packet6, node.uplink()), packet6.size() - 10);
}

TEST(StackReceive, RefusesBrokenIpv4Headers) {
  const NodeStack node;
  const auto drop = [&](auto change, bool fix = true) {
    Bytes packet = udp(kClient, kPod);
    change(packet);
    if (fix) {
      store16(packet, 10, 0);
      store16(packet, 10, static_cast<uint16_t>(~ones_complement_sum(ByteView(packet).first(20))));
    }
    const auto result = node.stack.receive(packet, node.uplink());
    return result ? std::nullopt : std::optional(result.error().drop);
  };
  EXPECT_EQ(drop([](Bytes& p) { p.resize(19); }, false), StackDrop::kTooShort);
  EXPECT_EQ(drop([](Bytes& p) { p.clear(); }, false), StackDrop::kTooShort);
  EXPECT_EQ(drop([](Bytes& p) { p[0] = 0x55; }), StackDrop::kVersion);
  EXPECT_EQ(drop([](Bytes& p) { p[0] = 0x44; }), StackDrop::kHeaderLength);
  EXPECT_EQ(drop([](Bytes& p) { p[0] = 0x4f; }), StackDrop::kTooShort);
  EXPECT_EQ(drop([](Bytes& p) { p[10] ^= 1; }, false), StackDrop::kHeaderChecksum);
  EXPECT_EQ(drop([](Bytes& p) { store16(p, 2, p.size() + 1); }), StackDrop::kTotalLength);
  EXPECT_EQ(drop([](Bytes& p) { store16(p, 2, 19); }), StackDrop::kTotalLength);
  EXPECT_EQ(drop([](Bytes& p) { store16(p, 2, 20); }), std::nullopt);
}

TEST(StackReceive, RefusesIpv6AddressesThatMayNotBeOnTheWire) {
  const NodeStack node;
  const auto received = [&](const char* from, const char* to) {
    return node.stack.receive(udp(from, to), node.uplink()).has_value();
  };
  EXPECT_FALSE(received("::1", kNode6));
  EXPECT_FALSE(received("ff02::1", kNode6));
  EXPECT_FALSE(received(kClient6, "::1"));
  EXPECT_FALSE(received(kClient6, "ff01::1"));
  EXPECT_FALSE(received(kClient6, "ff00::1"));
  EXPECT_TRUE(received(kClient6, "ff02::1"));
  EXPECT_TRUE(received(kNode6, kPod6));
  EXPECT_TRUE(node.stack.receive(udp("::1", "::1"), node.world.loopback()).has_value());
}

TEST(StackReceive, RefusesHopByHopOptionsThatAskForIt) {
  const NodeStack node;
  const auto failure = [&](std::initializer_list<uint8_t> options) {
    const Bytes packet = udp_from_to(kClient6, kPod6).extension(0, Bytes(options)).build();
    const auto result = node.stack.receive(packet, node.uplink());
    return result ? std::nullopt : std::optional(result.error());
  };
  EXPECT_FALSE(failure({1, 4, 0, 0, 0, 0}));
  EXPECT_TRUE(failure({1, 4, 0, 0, 0, 1}));      // padding that is not zero
  EXPECT_FALSE(failure({0x1e, 4, 0, 0, 0, 0}));  // unknown: skip
  EXPECT_TRUE(failure({0x5e, 4, 0, 0, 0, 0}));   // unknown: discard
  EXPECT_FALSE(failure({0x5e, 4, 0, 0, 0, 0})->answer);
  ASSERT_TRUE(failure({0x9e, 4, 0, 0, 0, 0}));  // unknown: say so
  EXPECT_EQ(failure({0x9e, 4, 0, 0, 0, 0})->answer->info, 42U);
  EXPECT_TRUE(failure({0x1e, 9, 0, 0, 0, 0}));  // runs past the header
  EXPECT_TRUE(failure({0x31, 4, 0, 0, 0, 0}));  // IOAM that is not at a multiple of four
  EXPECT_FALSE(failure({0, 0, 0x31, 2, 0, 0}));
  EXPECT_TRUE(failure({7, 8, 0, 0, 0, 1, 0, 1, 0x7d, 0x16}));  // CALIPSO
}

TEST(StackRouting, DropsMartianSources) {
  const NodeStack node;
  for (const char* from : {"224.0.0.1", "255.255.255.255", "0.0.0.0", "127.0.0.1", kNode}) {
    EXPECT_EQ(drop_of(node.route(udp(from, kPod))), StackDrop::kMartianSource) << from;
    EXPECT_EQ(drop_of(node.route(udp(from, kNode))), StackDrop::kMartianSource) << from;
  }
  // With route_localnet; a network's broadcast address and reserved ones are not asked about.
  for (const char* from : {"127.0.0.2", "192.168.0.255", "240.0.0.1", "0.1.2.3"}) {
    EXPECT_TRUE(node.route(udp(from, kPod))) << from;
  }
}

TEST(StackRouting, KnowsNoMartianSourceInIpv6) {
  const NodeStack node;
  EXPECT_TRUE(node.route(udp(kNode6, kPod6)));
}

TEST(StackRouting, RouteLocalnetDecidesAboutLoopbackAddressesOnTheWire) {
  World world = make_node();
  world.sysctls.route_localnet = false;
  const NodeStack closed(world);
  EXPECT_EQ(drop_of(closed.route(udp(kClient, "127.0.0.1"))), StackDrop::kMartianDestination);
  EXPECT_EQ(drop_of(closed.route(udp("127.0.0.2", kNode))), StackDrop::kMartianSource);
  world.sysctls.route_localnet = true;
  const NodeStack open(world);
  EXPECT_EQ(open.route(udp(kClient, "127.0.0.1"))->verdict, RouteVerdict::kLocal);
  EXPECT_EQ(open.route(udp("127.0.0.2", kNode))->verdict, RouteVerdict::kLocal);
}

TEST(StackRouting, RouteLocalnetOfAnInterfaceDecidesAboutWhatComesInThere) {
  World world = make_node();
  world.sysctls.route_localnet = false;
  for (Interface& one : world.interfaces) {
    one.route_localnet = one.kind == InterfaceKind::kUplink;
  }
  EXPECT_EQ(NodeStack(world).route(udp("127.0.0.2", kNode))->verdict, RouteVerdict::kLocal);
  for (Interface& one : world.interfaces) {
    one.route_localnet = one.kind == InterfaceKind::kLoopback;
  }
  EXPECT_EQ(drop_of(NodeStack(world).route(udp("127.0.0.2", kNode))), StackDrop::kMartianSource);
}

TEST(StackRouting, AcceptLocalPermitsTheNodesOwnAddressesFromOutside) {
  World world = make_node();
  for (Interface& one : world.interfaces) one.accept_local = one.kind == InterfaceKind::kUplink;
  EXPECT_TRUE(NodeStack(world).route(udp(kNode, kPod)));
}

TEST(StackRouting, AHostThatDoesNotForwardAsksNobodysSourceOfWhatIsForOthers) {
  World world = make_node();
  world.sysctls.ip_forward = false;
  const NodeStack node(world);
  EXPECT_EQ(drop_of(node.route(udp(kNode, "198.51.100.7"))), StackDrop::kNotForwarding);
  EXPECT_EQ(drop_of(node.route(udp(kNode, kNode))), StackDrop::kMartianSource);
}

TEST(StackRouting, DeliversBroadcastsAndTheGroupsOfEveryNode) {
  const NodeStack node;
  for (const char* to : {"255.255.255.255", "192.168.0.255", "127.255.255.255"}) {
    EXPECT_EQ(node.route(udp(kClient, to))->verdict, RouteVerdict::kBroadcast) << to;
  }
  EXPECT_EQ(node.route(udp("0.0.0.0", "255.255.255.255"))->verdict, RouteVerdict::kBroadcast);
  EXPECT_EQ(node.route(udp("0.0.0.0", "0.0.0.0"))->verdict, RouteVerdict::kBroadcast);
  EXPECT_EQ(drop_of(node.route(udp(kClient, "0.0.0.0"))), StackDrop::kMartianDestination);
  EXPECT_EQ(node.route(udp(kClient, "224.0.0.1"))->verdict, RouteVerdict::kMulticast);
  EXPECT_EQ(drop_of(node.route(udp(kClient, "224.0.0.9"))), StackDrop::kMulticast);
  for (const char* to : {"ff02::1", "ff02::2"}) {
    EXPECT_EQ(node.route(udp(kClient6, to))->verdict, RouteVerdict::kMulticast) << to;
  }
  EXPECT_EQ(drop_of(node.route(udp(kClient6, "ff02::5"))), StackDrop::kMulticast);
  EXPECT_EQ(drop_of(node.route(udp(kClient6, "ff05::2"))), StackDrop::kMulticast);
}

// As NAT makes of a reply, where a process had sent from ::1.
TEST(StackRouting, LeadsTheIpv6LoopbackAddressOutUnlessItCameThroughLoopback) {
  const NodeStack node;
  const auto route = node.route(udp(kClient6, "::1"));
  ASSERT_TRUE(route);
  EXPECT_EQ(route->verdict, RouteVerdict::kForward);
  EXPECT_EQ(route->out, &node.world.uplink());
}

TEST(StackRouting, AnswersEachKindOfMissingRouteInItsOwnWay) {
  World world = make_node();
  std::erase_if(world.routes, [](const Route& r) { return r.destination.prefix_length() == 0; });
  const auto add = [&](std::string_view destination, RouteType type) {
    Route route;
    route.destination = *Cidr::parse(destination);
    route.type = type;
    world.routes.push_back(route);
  };
  add("10.99.1.0/24", RouteType::kUnreachable);
  add("10.99.2.0/24", RouteType::kProhibit);
  add("10.99.3.0/24", RouteType::kBlackhole);
  add("fd99:1::/64", RouteType::kUnreachable);
  add("fd99:2::/64", RouteType::kProhibit);
  const NodeStack node(world);
  const auto code = [&](const char* from, const char* to) -> int {
    const auto result = node.route(udp(from, to));
    return result || !result.error().answer ? -1 : result.error().answer->code;
  };
  EXPECT_EQ(code(kClient, "8.8.8.8"), 0);
  EXPECT_EQ(code(kClient, "10.99.1.1"), 1);
  EXPECT_EQ(code(kClient, "10.99.2.1"), 13);
  EXPECT_EQ(code(kClient, "10.99.3.1"), -1);
  EXPECT_EQ(code(kClient6, "fd98::1"), 0);
  EXPECT_EQ(code(kClient6, "fd99:1::1"), 0);
  EXPECT_EQ(code(kClient6, "fd99:2::1"), 1);
}

TEST(StackRouting, DropsInSilenceWhatItIsNotToForward) {
  World world = make_node();
  world.sysctls.ip_forward = false;
  const NodeStack node(world);
  const auto result = node.route(udp(kClient, kPod));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().drop, StackDrop::kNotForwarding);
  EXPECT_FALSE(result.error().answer);
  EXPECT_TRUE(node.route(udp(kClient, kNode)));
}

TEST(StackRouting, RefusesBrokenOptionsAndSourceRoutes) {
  const NodeStack node;
  const auto with = [&](std::initializer_list<uint8_t> options) {
    return node.route(udp_from_to(kClient, kPod).ip_options(Bytes(options)).build());
  };
  EXPECT_TRUE(with({1, 1, 1, 0}));
  EXPECT_TRUE(with({0x99, 4, 0, 0}));
  EXPECT_EQ(with({0x99, 9, 0, 0}).error().answer->info, 20U << 24);
  EXPECT_EQ(with({1, 1, 1, 0x99}).error().answer->info, 23U << 24);
  EXPECT_EQ(drop_of(with({131, 7, 4, 10, 180, 0, 2, 0})), StackDrop::kSourceRoute);
}

TEST(StackForward, LowersTheTtlAndKeepsTheHeaderChecksumRight) {
  const NodeStack node;
  Bytes packet = udp(kClient, kPod);
  ASSERT_TRUE(node.forward(packet));
  EXPECT_EQ(parse_packet(packet)->ttl, 63);
  EXPECT_EQ(check_checksums(packet).ip_header, ChecksumState::kRight);
  Bytes packet6 = udp(kClient6, kPod6);
  ASSERT_TRUE(node.forward(packet6));
  EXPECT_EQ(parse_packet(packet6)->ttl, 63);
}

TEST(StackForward, AnswersTheLastHopBeforeItLooksAtTheSize) {
  const NodeStack node;
  Bytes packet = udp_from_to(kClient, kPod).ttl(1).payload_size(1600).build();
  const Bytes before = packet;
  const auto result = node.forward(packet);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().drop, StackDrop::kTtl);
  EXPECT_EQ(result.error().answer->type, 11);
  EXPECT_EQ(packet, before);
}

TEST(StackForward, RefusesWhatIsTooLargeAndMayNotBeCut) {
  const NodeStack node;
  Bytes packet = udp_from_to(kClient, kPod).payload_size(1473).build();
  auto result = node.forward(packet);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().answer->type, 3);
  EXPECT_EQ(result.error().answer->code, 4);
  EXPECT_EQ(result.error().answer->info, 1500U);
  Bytes may_be_cut = udp_from_to(kClient, kPod).dont_fragment(false).payload_size(1473).build();
  EXPECT_TRUE(node.forward(may_be_cut));
  Bytes packet6 = udp_from_to(kClient6, kPod6).payload_size(1453).build();
  result = node.forward(packet6);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().answer->type, 2);
}

TEST(StackForward, KeepsIpv6SourcesOnTheirLink) {
  const NodeStack node;
  Bytes unspecified = udp("::", kPod6);
  EXPECT_EQ(node.forward(unspecified).error().drop, StackDrop::kSourceScope);
  Bytes link_local = udp("fe80::1", kPod6);
  EXPECT_EQ(node.forward(link_local).error().answer->code, 2);
  // Back to where it came from, ip6_forward() does not look.
  Bytes back = udp("fe80::1", "2001:4860::1");
  EXPECT_TRUE(node.forward(back));
}

TEST(StackOutput, LetsLoopbackSourcesLeaveOnlyWithRouteLocalnet) {
  World world = make_node();
  const auto leaves = [&](const char* to) {
    return NodeStack(world).stack.route_output(address("127.0.0.1"), address(to)).has_value();
  };
  EXPECT_TRUE(leaves(kPod));
  world.sysctls.route_localnet = false;
  EXPECT_FALSE(leaves(kPod));
  EXPECT_TRUE(leaves(kNode));
}

TEST(StackOutput, ToNobodyStaysOnTheNode) {
  const NodeStack node;
  for (const auto& [from, to] :
       {std::pair(kNode, "0.0.0.0"), {"127.0.0.1", "0.0.0.0"}, {kNode6, "::"}}) {
    const auto route = node.stack.route_output(address(from), address(to));
    ASSERT_TRUE(route) << from;
    EXPECT_EQ(route->out, &node.world.loopback()) << from;
  }
}

TEST(StackOutput, CutsWhatIsLargerThanTheMtu) {
  const NodeStack node;
  const Bytes packet = udp_from_to(kClient, kPod).dont_fragment(false).payload_size(2000).build();
  EXPECT_EQ(node.stack.output_size(packet, node.uplink()), IpStack::OutputSize::kNeedsFragmenting);
  const std::vector<Bytes> pieces = fragment_ipv4(packet, 1400);
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].size(), 1396U);
  EXPECT_EQ(load16(pieces[0], 6), 0x2000);
  EXPECT_EQ(load16(pieces[1], 6), 1376 / 8);
  EXPECT_EQ(pieces[0].size() + pieces[1].size(), packet.size() + 20);
  for (const Bytes& piece : pieces) {
    EXPECT_EQ(check_checksums(piece).ip_header, ChecksumState::kRight);
  }
}

TEST(StackOutput, KeepsTheLastPieceOpenWhenItCutsAFragment) {
  Bytes packet = udp_from_to(kClient, kPod).dont_fragment(false).payload_size(2000).build();
  store16(packet, 6, 0x2005);
  const std::vector<Bytes> pieces = fragment_ipv4(packet, 1400);
  EXPECT_EQ(load16(pieces.front(), 6), 0x2005);
  EXPECT_EQ(load16(pieces.back(), 6), 0x2000 | (5 + 1376 / 8));
}

TEST(StackOutput, CopiesOnlyOptionsThatAreToBeCopied) {
  const Bytes options{0x99, 4, 1, 2, 0x1e, 4, 3, 4};
  const Bytes packet = udp_from_to(kClient, kPod)
                           .dont_fragment(false)
                           .ip_options(options)
                           .payload_size(2000)
                           .build();
  const std::vector<Bytes> pieces = fragment_ipv4(packet, 1400);
  const auto options_of = [](const Bytes& p) { return Bytes(p.begin() + 20, p.begin() + 28); };
  EXPECT_EQ(options_of(pieces[0]), options);
  EXPECT_EQ(options_of(pieces[1]), (Bytes{0x99, 4, 1, 2, 1, 1, 1, 1}));
}

TEST(StackAnswer, InIpv6ComesFromTheInterfaceThatThePacketCameInAt) {
  ProxyConfig proxy;
  proxy.detect_local_mode = DetectLocalMode::kBridgeInterface;
  proxy.bridge_interface = "br0";
  const World world = world_of(dual_stack_node(), {cluster_of({pod("a", {kPod, kPod6})})}, proxy);
  const RoutingTable routes(world);
  const IpStack stack(world, routes);
  const auto source = [&](const Interface& in) {
    const auto answer = stack.make_answer(udp(kPod6, "2001:4860::1"), {},
                                          IcmpError::time_exceeded(Family::kIpv6), in);
    return parse_packet(answer->packet)->source.to_string();
  };
  EXPECT_EQ(source(world.uplink()), kNode6);
  EXPECT_EQ(source(*world.find_interface("br0")), "fd00:10:180::1");
}

TEST(StackAnswer, ComesFromTheAddressThatWasContactedOrFacesTheSender) {
  const NodeStack node;
  const auto source = [&](const char* from, const char* to) {
    const Bytes packet = udp(from, to);
    const Family family = address(from).family();
    const auto answer =
        node.stack.make_answer(packet, {}, IcmpError::port_unreachable(family), node.uplink());
    return answer ? parse_packet(answer->packet)->source.to_string() : "none";
  };
  EXPECT_EQ(source(kClient, "127.0.0.2"), "127.0.0.2");
  EXPECT_EQ(source(kClient, kNode), kNode);
  EXPECT_EQ(source(kClient, kPod), kNode);
  EXPECT_EQ(source(kPod, "8.8.8.8"), kNode);
  EXPECT_EQ(source(kPod6, "2001:4860::1"), kNode6);
  EXPECT_EQ(source(kClient6, kNode6), kNode6);
  EXPECT_EQ(source(kClient, "192.168.0.255"), "none");
  EXPECT_EQ(source(kClient, "224.0.0.1"), "none");
  EXPECT_EQ(source("0.0.0.0", "0.0.0.0"), "none");
}

World with_second_uplink(World world) {
  Interface second = world.uplink();
  second.index = 90;
  second.name = "eth1";
  second.addresses = {interface_address("10.200.0.2/24"), interface_address("2001:db8:200::2/64"),
                      interface_address("fe80::3/64")};
  world.interfaces.push_back(std::move(second));
  for (const Interface& interface : world.interfaces) {
    if (interface.kind == InterfaceKind::kLoopback) continue;
    Route& route = world.routes.emplace_back();
    route.destination = *Cidr::parse("fe80::/64");
    route.interface = interface.index;
  }
  return world;
}

// Such a source is one that NAT made.
TEST(StackAnswer, GoesToAGroupByTheInterfaceOfTheAddressThatWasContacted) {
  const NodeStack node(with_second_uplink(make_node()));
  const auto out = [&](const char* to) {
    const auto answer = node.stack.make_answer(
        udp("224.0.0.9", to), {}, IcmpError::port_unreachable(Family::kIpv4), node.uplink());
    const PacketView view = *parse_packet(answer->packet);
    EXPECT_EQ(view.source, address(to));
    EXPECT_EQ(view.destination, address("224.0.0.9"));
    EXPECT_EQ(view.ttl, 1);
    return answer->route.out->name;
  };
  EXPECT_EQ(out(kNode), "eth0");
  EXPECT_EQ(out("10.200.0.2"), "eth1");
}

TEST(StackAnswer, OfANodeWithoutAnAddressIsFromADummy) {
  World world = make_node();
  std::erase_if(world.interfaces[1].addresses,
                [](const InterfaceAddress& each) { return each.address.is_v4(); });
  for (Route& route : world.routes) route.preferred_source.reset();
  const NodeStack node(std::move(world));
  const auto answer = node.stack.make_answer(
      udp(kPod, "8.8.8.8"), {}, IcmpError::time_exceeded(Family::kIpv4), node.uplink());
  ASSERT_TRUE(answer);
  EXPECT_EQ(parse_packet(answer->packet)->source, address("192.0.0.8"));
}

TEST(StackAnswer, ToNobodyIsToTheNodeItself) {
  const NodeStack node;
  const auto answer = node.stack.make_answer(
      udp("0.0.0.0", kNode), {}, IcmpError::port_unreachable(Family::kIpv4), node.world.loopback());
  EXPECT_EQ(parse_packet(answer->packet)->destination, address(kNode));
  EXPECT_EQ(answer->route.out, &node.world.loopback());
}

TEST(StackAnswer, OfAnAddressOfALinkIsForThatLink) {
  const NodeStack node(with_second_uplink(make_node()));
  const auto source = [&](const char* in) {
    const auto answer = node.stack.make_answer(udp(kNode6, "fe80::3"), {},
                                               IcmpError::port_unreachable(Family::kIpv6),
                                               *node.world.find_interface(in));
    return parse_packet(answer->packet)->source.to_string();
  };
  EXPECT_EQ(source("eth1"), "fe80::3");
  EXPECT_EQ(source("lo"), kNode6);
}

TEST(StackAnswer, ByLoToAnAddressOfTheLinkThatWasContactedStaysThere) {
  const NodeStack node(with_second_uplink(make_node()));
  const auto answer =
      node.stack.make_answer(udp("fe80::3", "2001:db8:200::2"), {},
                             IcmpError::port_unreachable(Family::kIpv6), node.world.loopback());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->route.out, &node.world.loopback());
}

TEST(StackAnswer, ToAnAddressOfALinkLeavesByThatLink) {
  const NodeStack node(with_second_uplink(make_node()));
  for (const char* name : {"eth0", "eth1"}) {
    const Interface& in = *node.world.find_interface(name);
    const auto answer = node.stack.make_answer(udp("fe80::9", "2001:4860::1"), {},
                                               {.type = 1, .code = 2, .info = 0}, in);
    EXPECT_EQ(answer->route.out, &in);
  }
}

}  // namespace
}  // namespace kubeproof
