// The running kernel's own errors, byte for byte, against ours: a node with two links forwards, and
// rejects what goes to port 9.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "model/packet/packet_builder.h"
#include "model/packet/translate.h"
#include "replay/engine/child_process.h"
#include "replay/engine/world_setup.h"
#include "tests/unit/engine/kernel_support.h"

namespace kubeproof {
namespace {

InterfaceAddress interface_address(std::string_view text, uint8_t prefix_length) {
  InterfaceAddress result;
  result.address = IpAddress::parse(text).value();
  result.prefix_length = prefix_length;
  return result;
}

Interface link(uint32_t index, std::string name, std::string_view v4, std::string_view v6) {
  Interface result;
  result.index = index;
  result.name = std::move(name);
  result.addresses = {interface_address(v4, 24), interface_address(v6, 64)};
  return result;
}

Route route(std::string_view destination, uint32_t interface) {
  Route result;
  result.destination = Cidr::parse(destination).value();
  result.interface = interface;
  return result;
}

World two_links() {
  World world;
  Interface loopback;
  loopback.index = 1;
  loopback.name = "lo";
  loopback.kind = InterfaceKind::kLoopback;
  loopback.mtu = 65536;
  world.interfaces = {loopback, link(2, "a", "10.1.0.1", "fd01::1"),
                      link(3, "b", "10.2.0.1", "fd02::1")};
  world.interfaces[2].mtu = 1400;
  world.routes = {route("10.1.0.0/24", 2), route("10.2.0.0/24", 3), route("fd01::/64", 2),
                  route("fd02::/64", 3)};
  return world;
}

class IcmpErrorKernelTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    const auto ready = space_->run([&]() -> Result<void> {
      auto devices = set_up_world(two_links());
      if (!devices) return tl::unexpected(devices.error());
      links_ = std::move(*devices);
      for (const char* program : {"iptables", "ip6tables"}) {
        for (const char* chain : {"FORWARD", "INPUT"}) {
          auto added = run_child_checked(
              {program, "-A", chain, "-p", "udp", "--dport", "9", "-j", "REJECT"}, "");
          if (!added) return tl::unexpected(added.error());
        }
      }
      return {};
    });
    if (!ready) GTEST_SKIP() << ready.error().message;
  }

  // What comes back to link a, IPv4 identification blanked.
  std::optional<Bytes> kernel_answer(const Bytes& packet) {
    EXPECT_TRUE(links_[0].write(packet).value());
    std::array<uint8_t, 4096> buffer{};
    while (true) {
      const auto read = links_[0].read(buffer).value();
      if (!read) return std::nullopt;
      Bytes answer(read->begin(), read->end());
      if (!parse_packet(answer)->has_icmp || !is_icmp_error(*parse_packet(answer))) continue;
      if (answer[0] >> 4 != 4) return answer;
      EXPECT_NE(load16(answer, 4), 0);
      store16(answer, 4, 0);
      store16(answer, 10, 0);
      return with_header_checksum(answer);
    }
  }

  static Bytes with_header_checksum(Bytes packet) {
    fix_checksums(packet);
    return packet;
  }

  std::vector<TunDevice> links_;
};

// Both families of a UDP packet from behind link a to behind link b.
std::array<PacketBuilder, 2> udp_to(uint16_t port) {
  return {PacketBuilder::udp("10.1.0.9:7", fmt::format("10.2.0.9:{}", port)),
          PacketBuilder::udp("[fd01::9]:7", fmt::format("[fd02::9]:{}", port))};
}

IpAddress node_address(const Bytes& packet) {
  return IpAddress::parse(packet[0] >> 4 == 4 ? "10.1.0.1" : "fd01::1").value();
}

Family family_of(const Bytes& packet) {
  return packet[0] >> 4 == 4 ? Family::kIpv4 : Family::kIpv6;
}

// As the FORWARD chain sees it.
Bytes forwarded(Bytes packet) {
  PacketView view = parse_packet(packet).value();
  decrement_ttl(packet, view);
  return packet;
}

TEST_F(IcmpErrorKernelTest, TimeExceeded) {
  for (PacketBuilder builder : udp_to(10)) {
    for (const size_t size : {0, 3, 600, 1300}) {
      for (const int tos : {0, 0x07, 0xff}) {
        const Bytes packet =
            builder.ttl(1).tos(static_cast<uint8_t>(tos)).payload_size(size).build();
        EXPECT_EQ(kernel_answer(packet),
                  make_icmp_error(packet, IcmpError::time_exceeded(family_of(packet)),
                                  node_address(packet)));
      }
    }
  }
}

TEST_F(IcmpErrorKernelTest, RejectInForwardQuotesTheLoweredTtl) {
  for (PacketBuilder builder : udp_to(9)) {
    for (const size_t size : {0, 3, 600, 1300}) {
      const Bytes packet = builder.payload_size(size).build();
      EXPECT_EQ(kernel_answer(packet),
                make_icmp_error(forwarded(packet), IcmpError::port_unreachable(family_of(packet)),
                                node_address(packet)));
    }
  }
}

TEST_F(IcmpErrorKernelTest, RejectInInput) {
  for (const PacketBuilder& builder : {PacketBuilder::udp("10.1.0.9:7", "10.1.0.1:9"),
                                       PacketBuilder::udp("[fd01::9]:7", "[fd01::1]:9")}) {
    const Bytes packet = builder.build();
    EXPECT_EQ(kernel_answer(packet),
              make_icmp_error(packet, IcmpError::port_unreachable(family_of(packet)),
                              node_address(packet)));
  }
}

TEST_F(IcmpErrorKernelTest, PacketTooBig) {
  for (PacketBuilder builder : udp_to(10)) {
    const Bytes packet = builder.payload_size(1390).build();
    EXPECT_EQ(kernel_answer(packet),
              make_icmp_error(packet, IcmpError::packet_too_big(family_of(packet), 1400),
                              node_address(packet)));
  }
}

TEST_F(IcmpErrorKernelTest, HeadersBeyondThePlainAreQuoted) {
  const Bytes router_alert = {0x94, 4, 0, 0};
  const Bytes packets[] = {
      PacketBuilder::udp("10.1.0.9:7", "10.2.0.9:10").ttl(1).ip_options(router_alert).build(),
      PacketBuilder::udp("10.1.0.9:7", "10.2.0.9:10").ttl(1).trailer(9).build(),
      PacketBuilder::udp("[fd01::9]:7", "[fd02::9]:10").ttl(1).extension(60).build(),
  };
  for (const Bytes& packet : packets) {
    EXPECT_EQ(
        kernel_answer(packet),
        make_icmp_error(packet, IcmpError::time_exceeded(family_of(packet)), node_address(packet)));
  }
}

// Errors about errors, fragments, and senders that are nobody: whether the kernel answers at all.
TEST_F(IcmpErrorKernelTest, Silence) {
  std::vector<Bytes> packets;
  for (int type = 0; type < 44; ++type) {
    packets.push_back(
        PacketBuilder::icmp("10.1.0.9", "10.2.0.9", static_cast<uint8_t>(type), 0).ttl(1).build());
  }
  for (int type = 0; type < 256; type += 9) {
    packets.push_back(
        PacketBuilder::icmp("fd01::9", "fd02::9", static_cast<uint8_t>(type), 0).ttl(1).build());
  }
  for (PacketBuilder builder : udp_to(10)) {
    const auto fragments = builder.ttl(1).payload_size(100).build_fragments(64);
    packets.insert(packets.end(), fragments.begin(), fragments.end());
  }
  packets.push_back(PacketBuilder::ip("10.1.0.9", "10.2.0.9", kIcmp).ttl(1).build());
  packets.push_back(PacketBuilder::ip("fd01::9", "fd02::9", kIcmpv6).ttl(1).build());
  packets.push_back(PacketBuilder::ip("fd01::9", "fd02::9", 59).ttl(1).build());
  packets.push_back(PacketBuilder::udp("[::]:7", "[fd02::9]:10").ttl(1).build());
  for (const Bytes& packet : packets) {
    EXPECT_EQ(
        kernel_answer(packet),
        make_icmp_error(packet, IcmpError::time_exceeded(family_of(packet)), node_address(packet)))
        << describe_packet(packet);
  }
}

TEST_F(IcmpErrorKernelTest, RejectAnswersOnlySomePackets) {
  std::vector<Bytes> packets;
  for (PacketBuilder builder : udp_to(9)) {
    packets.push_back(builder.payload_size(1).build());
    packets.push_back(builder.bad_transport_checksum().build());
    packets.push_back(builder.no_checksum().build());
  }
  for (const Bytes& packet : packets) {
    EXPECT_EQ(kernel_answer(packet).has_value(), reject_answers(packet)) << describe_packet(packet);
  }
}

}  // namespace
}  // namespace kubeproof
