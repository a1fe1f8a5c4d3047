// Two nodes of one world under the same rules: one is the kernel's, the other is interpreted. What
// is sent goes through both, and the test fails where their fates are not the same, or where they
// remember other flows.
//
//   chain(TableName::kNat, "PREROUTING") = {RuleBuilder().protocol(kUdp).dnat("10.180.0.9:53")};
//   send(kUplink, PacketBuilder::udp(…).build());
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/packet/bytes.h"
#include "replay/compare/follower.h"
#include "replay/engine/netfilter_node.h"
#include "tests/unit/engine/kernel_support.h"

namespace kubeproof::netfilter {

class InterpretedNode;

class TwinNodes : public KernelTest {
 protected:
  TwinNodes();
  ~TwinNodes() override;

  // The rules of the next start(). INVALID packets die in INPUT, FORWARD and OUTPUT, so that they
  // can be told from others.
  std::vector<Rule>& chain(TableName table, const std::string& name, Family family = Family::kIpv4);
  // Begins both nodes, or gives new rules to them; the first send() does it by itself.
  void load();

  // What the kernel did with it. Both nodes must have done the same.
  const Fate& send(uint32_t ingress, const Bytes& packet);
  void send_all(uint32_t ingress, const std::vector<Bytes>& packets);
  // Ages what both remember, fragments excepted: the kernel's cannot be aged.
  void advance(uint32_t seconds);
  // Lets real time pass for both.
  void wait(std::chrono::milliseconds duration);
  // By tuples, progress and what is left of their time, give or take two seconds.
  void expect_same_flows();

  // Set before the first packet.
  World world_;

 private:
  Ruleset ipv4_;
  Ruleset ipv6_;
  std::unique_ptr<NetfilterNode> kernel_;
  InterpretedNode* interpreted_ = nullptr;  // of follower_
  std::unique_ptr<Follower> follower_;
  Fate fate_;
};

}  // namespace kubeproof::netfilter
