// Runs packets through a node: the IP stack with netfilter at its hooks, under rules that can be
// exchanged. It keeps nothing from packet to packet: what is remembered is given to it, and what
// changes is handed back.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <unordered_set>

#include "model/netfilter/compiled_rules.h"
#include "model/netfilter/outcome_set.h"
#include "model/netfilter/recent_lists.h"
#include "model/netfilter/rules.h"
#include "model/netfilter/state.h"
#include "model/netfilter/traversal.h"
#include "model/node/fate.h"
#include "model/node/ip_stack.h"
#include "model/node/routing.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof::netfilter {

class Interpreter {
 public:
  // `world` must outlive the interpreter and not change.
  explicit Interpreter(const World& world);

  // Puts these rules in the place of those of their family. State in which lists live on that no
  // rule names any more has to be told with named_lists().
  Result<void> load(std::shared_ptr<const Ruleset> rules);
  std::unordered_set<ListId> named_lists() const;

  // All that may become of the packet, and what would change in `state`. A family without rules
  // has neither conntrack nor NAT.
  void run(const Injection& injection, const StateView& state, Instant now, OutcomeSet& outcomes);

  // While on, outcomes carry traces.
  void explain(bool on) { traversal_.options.explain = on; }
  // While on, every rule is tested in order, without an index.
  void walk_linearly(bool on) { traversal_.options.linear = on; }

  const RoutingTable& routes() const { return routes_; }

 private:
  const World& world_;
  RoutingTable routes_;
  IpStack stack_;
  ListNames lists_;
  std::array<std::optional<CompiledRules>, 2> rules_;  // IPv4, IPv6
  Traversal traversal_;
};

}  // namespace kubeproof::netfilter
