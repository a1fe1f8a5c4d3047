// A packet's journey: the stack's steps and netfilter's hooks in the kernel's order, along all ways
// that random choices leave open.
//
//   interface -> receive -> PREROUTING -> route -> INPUT -> the node's sockets
//                                               -> forward -> FORWARD -> POSTROUTING -> interface
//   process -> route -> OUTPUT -> (route again) -> POSTROUTING -> interface
//                                                             -> lo -> PREROUTING -> INPUT -> ...
//
// What the node sends to all of a network, or to a group that it is in, takes both of these ways.
//
// A packet that is rejected, or to whose source the router owes an error, becomes that error, which
// starts at OUTPUT with the connection of the packet attached.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "model/netfilter/chain_walk.h"
#include "model/netfilter/compiled_rules.h"
#include "model/netfilter/conntrack_hook.h"
#include "model/netfilter/outcome_set.h"
#include "model/netfilter/packet_path.h"
#include "model/netfilter/state.h"
#include "model/node/fate.h"
#include "model/node/ip_stack.h"

namespace kubeproof::netfilter {

class Traversal {
 public:
  struct Options {
    bool explain = false;
    bool linear = false;
  };

  Traversal(const World& world, const RoutingTable& routes, const IpStack& stack,
            const ConntrackSettings& settings)
      : world_(world), routes_(routes), stack_(stack), settings_(settings) {}

  // Without rules there is no netfilter at all.
  void run(const Injection& injection, const CompiledRules* rules, const StateView& state,
           Instant now, OutcomeSet& outcomes);

  Options options;

 private:
  // Where a packet enters the node.
  void enter(PacketPath& path, const Injection& injection);
  void send_from_process(PacketPath& path);
  void leave_node(PacketPath& path, const RouteDecision& route);

  // Runs the rest of the path to its end. Ways that part from it are put into paths_.
  void follow(PacketPath& path);
  // The next function of the hook; false where there is none left.
  bool run_function(PacketPath& path);
  void leave_hook(PacketPath& path);
  void leave_prerouting(PacketPath& path);
  // What the stack writes into IPv4 options.
  static void note_clock(PacketPath& path);
  static void finish_forward(PacketPath& path);
  void leave_postrouting(PacketPath& path);
  void come_back(PacketPath& path, const Interface& at);

  // The functions that hooks call.
  void run_table(PacketPath& path, TableName table);
  void run_nat(PacketPath& path);
  void decide_nat(PacketPath& path);
  void bind_nat(PacketPath& path, const NatChoice& choice);
  void permit_exhaustion(PacketPath& path);
  void apply_nat(PacketPath& path);
  void reroute(PacketPath& path);

  // Takes what a walk through a chain came to. False where that is the end of the path.
  bool settle(PacketPath& path, WalkEnd& end);
  std::span<WalkEnd> walk(PacketPath& path, TableName table);
  // A copy of the path, in paths_.
  PacketPath& part(const PacketPath& path);

  void reject(PacketPath& path);
  void fail(PacketPath& path, const StackFailure& failure);
  // The path goes on as the node's error about the packet, or ends where there is none.
  void answer(PacketPath& path, const IcmpError& error);

  // Ends of a path.
  void drop(PacketPath& path);
  void deliver(PacketPath& path);
  void emit(PacketPath& path, Place place);
  // Hands the path over as an outcome, with so many emissions beside those that left before.
  Outcome& finish(PacketPath& path, size_t emissions);
  static void fill_emission(const PacketPath& path, Place place, PermittedEmission& emission);

  void go_to(PacketPath& path, Hook hook);
  template <class Text>  // std::string()
  void note(PacketPath& path, Text text) {
    if (options.explain) path.trace.push_back(text());
  }

  void note_translation(PacketPath& path, const PacketView& before);
  void note_change(PacketPath& path, std::string_view what, const SocketAddress& from,
                   const SocketAddress& to);

  const World& world_;
  const RoutingTable& routes_;
  const IpStack& stack_;
  const ConntrackSettings settings_;

  // The packet that is being run.
  const CompiledRules* rules_ = nullptr;
  const FlowState* flows_ = nullptr;
  const RecentLists* recent_ = nullptr;
  Instant now_{};
  OutcomeSet* outcomes_ = nullptr;

  // A stack of paths that are open; references stay good. Reused from packet to packet.
  std::deque<PacketPath> paths_;
  size_t path_count_ = 0;
  ChainWalk walk_;
};

}  // namespace kubeproof::netfilter
