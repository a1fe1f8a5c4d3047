// Source ports that run out, through the kernel and through the interpreter. Ports below 512 are
// replaced by such ports, so that few flows are enough.
#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

constexpr uint32_t kPorts = 511;

class PortExhaustionTest : public TwinNodes {
 protected:
  void SetUp() override {
    TwinNodes::SetUp();
    if (IsSkipped()) return;
    chain(TableName::kNat, "POSTROUTING") = {RuleBuilder().to("10.180.0.10/32").masquerade()};
  }

  static SocketAddress client(uint32_t number) { return {IpAddress::v4(0xcb007100 + number), 500}; }
  static SocketAddress server() { return SocketAddress::parse("10.180.0.10:80").value(); }
};

TEST_F(PortExhaustionTest, PacketsAreDroppedOnceEveryPortIsTaken) {
  size_t dropped = 0;
  for (uint32_t i = 0; i < kPorts + 40; ++i) {
    dropped += send(kUplink, PacketBuilder::udp(client(i), server()).build()).dropped() ? 1 : 0;
  }
  EXPECT_GE(dropped, 40U);
}

TEST_F(PortExhaustionTest, NewConnectionsTakePortsOfThoseThatWereReset) {
  for (uint32_t i = 0; i < kPorts + 40; ++i) {
    const Fate& fate =
        send(kUplink, PacketBuilder::tcp(client(i), server()).syn().seq(1000 + i).build());
    if (fate.dropped()) continue;
    const SocketAddress source = parse_packet(fate[0].packet).value().source_endpoint();
    send(kPod2, PacketBuilder::tcp(server(), source).syn().seq(1).ack(1001 + i).build());
    send(kUplink, PacketBuilder::tcp(client(i), server()).rst().seq(1001 + i).build());
  }
}

}  // namespace
}  // namespace kubeproof::netfilter
