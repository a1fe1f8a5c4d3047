// What netfilter remembers from packet to packet, and what one packet changes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/netfilter/connection_table.h"
#include "model/netfilter/fragment_queues.h"
#include "model/netfilter/recent_lists.h"

namespace kubeproof::netfilter {

// The large part, in which states that are possible at one time rarely differ.
struct FlowState {
  ConnectionTable connections;
  FragmentQueues fragments;
};

struct State {
  FlowState flows;
  RecentLists recent;
};

// A state to look at, wherever its parts are kept.
struct StateView {
  const FlowState& flows;
  const RecentLists& recent;

  StateView(const FlowState& its_flows, const RecentLists& its_recent)
      : flows(its_flows), recent(its_recent) {}
  StateView(const State& state)  // NOLINT(google-explicit-constructor): a state is one
      : flows(state.flows), recent(state.recent) {}
};

// What one packet changes, to be applied where its outcome is the one that happened.
struct StateChange {
  enum class Kind : uint8_t { kNone, kUpdate, kInsert };

  // What is waiting of a datagram from now on; without a queue, nothing.
  struct Fragments {
    DatagramKey key;
    std::optional<FragmentQueue> queue;

    friend bool operator==(const Fragments&, const Fragments&) = default;
  };

  std::vector<RecentChange> recent;
  std::optional<Fragments> fragments;
  // A connection that goes: closed before any reply, or replaced by a new one of the same tuple.
  std::optional<ConnectionTable::Id> erased;
  Kind kind = Kind::kNone;
  ConnectionTable::Id id = 0;  // kUpdate
  Connection connection;       // kUpdate, kInsert

  void clear();
  // Becomes the other one, which is left with buffers to use again.
  void take(StateChange& from);
  // Whether there is anything to apply to flows.
  bool changes_flows() const { return kind != Kind::kNone || erased || fragments; }
  // Whether both do the same to flows.
  bool same_flows(const StateChange& other) const;

  // `drawn_port`: the port that NAT drew for the packet's connection, where it draws one and it was
  // seen.
  void apply(FlowState& to, std::optional<uint16_t> drawn_port, Instant now) const;
  void apply(RecentLists& to) const;
  void apply(State& to, std::optional<uint16_t> drawn_port, Instant now) const;
};

}  // namespace kubeproof::netfilter
