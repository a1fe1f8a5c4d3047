// The index over a chain's rules finds what the plain walk through all of them finds: the same ends
// with the same odds, marks, changes and traces.
#include "model/netfilter/rule_index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "model/netfilter/chain_walk.h"
#include "model/netfilter/rules_text.h"
#include "model/packet/packet_view.h"
#include "tests/property/netfilter/arbitrary_rules.h"
#include "tests/unit/netfilter/small_node.h"

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

// Ends that look the same are one: the plain walk draws lots for rules that the index knows not to
// match whatever the lot.
std::vector<WalkEnd> distinct(std::span<const WalkEnd> ends) {
  std::vector<WalkEnd> merged;
  for (const WalkEnd& end : ends) {
    const auto same = std::find_if(merged.begin(), merged.end(), [&](const WalkEnd& other) {
      return other.verdict == end.verdict && other.mark == end.mark &&
             other.changes == end.changes && other.trace == end.trace;
    });
    if (same == merged.end()) {
      merged.push_back(end);
    } else {
      same->probability += end.probability;
    }
  }
  return merged;
}

bool same(const WalkEnd& a, const WalkEnd& b) {
  return a.verdict == b.verdict && std::abs(a.probability - b.probability) < 1e-9 &&
         a.mark == b.mark && a.changes == b.changes && a.trace == b.trace;
}

RC_GTEST_PROP(RuleIndexProperty, FindsWhatThePlainWalkFinds, ()) {
  const World world = small_node();
  const RoutingTable routes(world);
  const Ruleset ruleset = *arbitrary_filter();
  ListNames lists;
  const auto rules = CompiledRules::compile(std::make_shared<Ruleset>(ruleset), lists).value();

  RecentLists recent;
  RC_LOG() << to_text(ruleset);
  // Several packets to each rule set, which are dear.
  for (int i = 0; i < 10; ++i) {
    const Bytes packet = *arbitrary_packet();
    const PacketView view = parse_packet(packet).value();
    const char* list = *rc::gen::element("A", "B", "C");
    recent.change(lists.id(list)).set(view.source, 100s - 1s * *rc::gen::inRange(0, 100));
    const WalkPacket walked{.view = view,
                            .in = world.find_interface(kPod1),
                            .out = world.find_interface(kUplink),
                            .mark = *rc::gen::element<uint32_t>(0, 1),
                            .conntrack_states = kStateNew,
                            .changes = {}};
    const auto walk = [&](bool linear) {
      ChainWalk chain_walk;
      return distinct(chain_walk.run({.rules = rules,
                                      .recent = recent,
                                      .routes = routes,
                                      .now = 100s,
                                      .explain = true,
                                      .linear = linear},
                                     TableName::kFilter, Hook::kForward, walked));
    };
    RC_LOG() << describe_packet(packet);
    const auto indexed = walk(false);
    const auto linear = walk(true);
    RC_ASSERT(indexed.size() == linear.size());
    for (size_t end = 0; end < indexed.size(); ++end) RC_ASSERT(same(indexed[end], linear[end]));
  }
}

}  // namespace
}  // namespace kubeproof::netfilter
