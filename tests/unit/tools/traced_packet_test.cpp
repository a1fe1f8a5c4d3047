#include "tools/kubeproof/traced_packet.h"

#include <gtest/gtest.h>

#include "model/packet/packet_view.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

TracedPacket packet_of(std::string_view from, std::string_view to) {
  const World world = small_world();
  const auto packet = make_traced_packet(world, *parse_origin(from), *parse_destination(to));
  EXPECT_TRUE(packet) << (packet ? "" : packet.error().message);
  return packet.value_or(TracedPacket{});
}

std::string source_of(std::string_view from, std::string_view to) {
  const TracedPacket traced = packet_of(from, to);
  return parse_packet(traced.packet)->source_endpoint().to_string();
}

TEST(TracedDestination, IsTcpWhereNoProtocolIsGiven) {
  EXPECT_EQ(parse_destination("10.96.0.10:80")->protocol, kTcp);
  EXPECT_EQ(parse_destination("10.96.0.10:53/udp")->protocol, kUdp);
  EXPECT_EQ(parse_destination("[fd00::10]:53/UDP")->protocol, kUdp);
  EXPECT_EQ(parse_destination("10.96.0.10:80/sctp")->protocol, kSctp);
}

TEST(TracedDestination, RefusesWhatIsNone) {
  for (const char* text : {"10.96.0.10", "10.96.0.10:x", "10.96.0.10:80/icmp", "", "fd00::10:80"}) {
    EXPECT_FALSE(parse_destination(text)) << text;
  }
}

TEST(TracedOrigin, RefusesWhatIsNone) {
  for (const char* text : {"", "pod:", "pod1", "10.0.0", "[fd00::1"}) {
    EXPECT_FALSE(parse_origin(text)) << text;
  }
}

TEST(TracedPacket, EntersWhereItsSourceIs) {
  EXPECT_EQ(packet_of("10.180.0.1", "10.96.0.10:80").ingress, Ingress{kPod1.interface});
  EXPECT_EQ(packet_of("pod:10.180.0.2", "10.96.0.10:80").ingress, Ingress{kPod2.interface});
  EXPECT_EQ(packet_of("203.0.113.9", "10.96.0.10:80").ingress, Ingress{kUplink.interface});
  EXPECT_TRUE(packet_of("192.168.0.2", "10.96.0.10:80").ingress.is_host());
  EXPECT_TRUE(packet_of("host", "10.96.0.10:80").ingress.is_host());
}

TEST(TracedPacket, KeepsAGivenSourcePort) {
  EXPECT_EQ(source_of("10.180.0.1:4711", "10.96.0.10:80"), "10.180.0.1:4711");
}

TEST(TracedPacket, GetsTheHostsSourceByRouting) {
  EXPECT_EQ(source_of("host", "10.96.0.10:80"), "192.168.0.2:40000");
}

TEST(TracedPacket, RefusesAPodThatTheNodeDoesNotHave) {
  const World world = small_world();
  const auto packet =
      make_traced_packet(world, *parse_origin("pod:1.2.3.4"), *parse_destination("10.96.0.10:80"));
  ASSERT_FALSE(packet);
  EXPECT_EQ(packet.error().message,
            "--from: node " + world.node_name + " has no pod with the address 1.2.3.4");
}

TEST(TracedPacket, RefusesTwoFamilies) {
  const World world = small_world();
  EXPECT_FALSE(
      make_traced_packet(world, *parse_origin("fd00::1"), *parse_destination("10.96.0.10:80")));
}

}  // namespace
}  // namespace kubeproof
