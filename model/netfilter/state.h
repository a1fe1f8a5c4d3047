// What netfilter remembers from packet to packet, and what one packet changes of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "model/netfilter/connection_table.h"
#include "model/netfilter/fragment_queues.h"
#include "model/netfilter/recent_lists.h"

namespace kubeproof::netfilter {

struct State {
  ConnectionTable connections;
  RecentLists recent;
  FragmentQueues fragments;
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
  // The port that NAT drew for the packet's connection, where it draws one and it was seen.
  void apply(State& to, std::optional<uint16_t> drawn_port, Instant now) const;

  friend bool operator==(const StateChange&, const StateChange&) = default;
};

}  // namespace kubeproof::netfilter
