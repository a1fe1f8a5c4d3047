// The table of confirmed connections: found by either of their tuples, gone at their deadline.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "model/netfilter/connection.h"
#include "model/netfilter/hash_index.h"

namespace kubeproof::netfilter {

class ConnectionTable {
 public:
  // Valid until the connection is erased.
  using Id = uint32_t;

  struct Found {
    Id id;
    Direction direction;
  };

  // The connection that this tuple belongs to, unless its time is over.
  std::optional<Found> find(const FlowTuple& tuple, Instant now) const;

  const Connection& operator[](Id id) const { return slots_[id].connection; }

  // nf_conntrack_tuple_taken(): whether packets with this tuple would be mistaken for another
  // connection's than `own`, which is not in the table. One with the same original tuple is the
  // same flow; `gone` is about to be erased.
  bool taken(const FlowTuple& tuple, const Connection& own, std::optional<Id> gone,
             Instant now) const;

  // How many connections with a translated source have replies like these, their port or identifier
  // apart.
  size_t sharing_replies(const FlowTuple& reply) const;

  // Neither tuple may belong to a connection whose time is not over.
  Id insert(const Connection& connection, Instant now);
  // The same connection with its state moved on. Its reply tuple changes only where a drawn port
  // has become known.
  void update(Id id, const Connection& connection);
  void erase(Id id);

  // Connections with a translated source whose original one is this protocol, address and port,
  // newest first (nf_nat_core.c keeps such an index, nf_nat_bysource).
  template <class Visitor>  // bool(const Connection&): true ends the search
  void visit_same_source(const FlowTuple& tuple, Instant now, Visitor visitor) const {
    // The most recent insertion wins: ages are compared, since hash order says nothing.
    std::vector<Id> ids;
    by_source_.find(source_key(tuple), [&](Id id) {
      ids.push_back(id);
      return false;
    });
    sort_newest_first(ids);
    for (const Id id : ids) {
      const Connection& connection = slots_[id].connection;
      if (connection.deadline > now && same_source(connection.original, tuple) &&
          visitor(connection)) {
        return;
      }
    }
  }

  template <class Visitor>  // void(Id, const Connection&)
  void visit_all(Visitor visitor) const {
    for (Id id = 0; id < slots_.size(); ++id) {
      if (slots_[id].used) visitor(id, slots_[id].connection);
    }
  }

  size_t size() const { return slots_.size() - free_.size(); }

 private:
  struct Slot {
    Connection connection;
    std::array<uint64_t, 2> hashes{};  // of its tuples, by direction
    uint64_t age = 0;
    bool used = false;

    uint64_t& hash(Direction direction) { return hashes[static_cast<size_t>(direction)]; }
  };

  // What an index by tuples holds: a slot's number and a direction.
  static uint32_t pack(Found found) {
    return found.id << 1 | static_cast<uint32_t>(found.direction);
  }
  static Found unpack(uint32_t number) { return {number >> 1, static_cast<Direction>(number & 1)}; }

  // The first with this tuple that is live, or that is not.
  uint32_t find(const FlowTuple& tuple, uint64_t hash, bool live, Instant now) const {
    return by_tuple_.find(hash, [&](uint32_t number) {
      const Found found = unpack(number);
      const Connection& connection = slots_[found.id].connection;
      return connection.tuple(found.direction) == tuple && (connection.deadline > now) == live;
    });
  }
  static uint64_t source_key(const FlowTuple& tuple);
  static uint64_t portless_key(FlowTuple reply);
  static bool same_source(const FlowTuple& a, const FlowTuple& b);
  void sort_newest_first(std::vector<Id>& ids) const;
  void remember_translation(Id id);
  void forget_translation(Id id);
  void erase_expired(const FlowTuple& tuple, uint64_t hash, Instant now);
  void sweep(Instant now);

  std::vector<Slot> slots_;
  std::vector<Id> free_;
  HashIndex by_tuple_;
  HashIndex by_source_;                             // those with a translated source
  std::unordered_map<uint64_t, uint32_t> sharing_;  // them too, by portless_key() of their replies
  uint64_t next_age_ = 0;
  Id sweep_position_ = 0;
};

}  // namespace kubeproof::netfilter
