// GRE, one flow between two addresses, through the kernel and through the interpreter.
#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/twin_nodes.h"

namespace kubeproof::netfilter {
namespace {

class GreTest : public TwinNodes {
 protected:
  void request(ByteView header) { send(kPod1, packet("10.180.0.9", "10.180.0.10", header)); }
  void reply(ByteView header) { send(kPod2, packet("10.180.0.10", "10.180.0.9", header)); }

  static Bytes packet(const char* from, const char* to, ByteView header) {
    return PacketBuilder::ip(from, to, 47).payload(header).build();
  }

  const Bytes plain_{0, 0, 8, 0};
  const Bytes keyed_{0x20, 0, 8, 0, 0, 0, 0, 7};
};

TEST_F(GreTest, KeysMakeNoFlows) {
  request(plain_);
  request(keyed_);
  expect_same_flows();
  reply(plain_);
  expect_same_flows();
  reply(keyed_);
  expect_same_flows();
}

TEST_F(GreTest, LivesLongerOnceItIsAnswered) {
  request(plain_);
  advance(25);
  reply(plain_);
  request(plain_);
  expect_same_flows();
  advance(170);
  request(plain_);
  expect_same_flows();
  advance(190);
  request(plain_);
  expect_same_flows();
}

TEST_F(GreTest, IsOneFlowThoughItsHeaderIsCut) {
  request(Bytes{0});
  request(Bytes{0, 1, 0x88});
  reply({});
  expect_same_flows();
}

}  // namespace
}  // namespace kubeproof::netfilter
