#include "model/netfilter/connection_table.h"

#include <algorithm>

namespace kubeproof::netfilter {

std::optional<ConnectionTable::Found> ConnectionTable::find(const FlowTuple& tuple,
                                                            Instant now) const {
  const uint32_t number = find(tuple, tuple.hash(), true, now);
  if (number == HashIndex::kNone) return std::nullopt;
  return unpack(number);
}

bool ConnectionTable::taken(const FlowTuple& tuple, const Connection& own, std::optional<Id> gone,
                            Instant now) const {
  const auto found = find(tuple, now);
  return found && found->id != gone && slots_[found->id].connection.original != own.original;
}

ConnectionTable::Id ConnectionTable::insert(const Connection& connection, Instant now) {
  const uint64_t original = connection.original.hash();
  const uint64_t reply = connection.reply.hash();
  erase_expired(connection.original, original, now);
  erase_expired(connection.reply, reply, now);
  sweep(now);
  Id id = 0;
  if (free_.empty()) {
    id = static_cast<Id>(slots_.size());
    slots_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  slots_[id] = {connection, {original, reply}, next_age_++, true};
  // A connection to itself (a packet whose source is its destination) has one tuple, which is found
  // as the reply's (__nf_conntrack_hash_insert()).
  if (connection.original != connection.reply) {
    by_tuple_.insert(original, pack({id, Direction::kOriginal}));
  }
  remember_translation(id);
  return id;
}

void ConnectionTable::update(Id id, const Connection& connection) {
  Connection& current = slots_[id].connection;
  const bool port_became_known = current.drawn_from && !connection.drawn_from;
  if (port_became_known) forget_translation(id);
  current = connection;
  if (!port_became_known) return;
  slots_[id].hash(Direction::kReply) = connection.reply.hash();
  remember_translation(id);
}

void ConnectionTable::remember_translation(Id id) {
  const Connection& connection = slots_[id].connection;
  by_tuple_.insert(slots_[id].hash(Direction::kReply), pack({id, Direction::kReply}));
  if (!connection.source_nat) return;
  by_source_.insert(source_key(connection.original), id);
  ++sharing_[portless_key(connection.reply)];
}

void ConnectionTable::forget_translation(Id id) {
  const Connection& connection = slots_[id].connection;
  by_tuple_.erase(slots_[id].hash(Direction::kReply), pack({id, Direction::kReply}));
  if (!connection.source_nat) return;
  by_source_.erase(source_key(connection.original), id);
  const auto shared = sharing_.find(portless_key(connection.reply));
  if (--shared->second == 0) sharing_.erase(shared);
}

size_t ConnectionTable::sharing_replies(const FlowTuple& reply) const {
  const auto shared = sharing_.find(portless_key(reply));
  return shared == sharing_.end() ? 0 : shared->second;
}

uint64_t ConnectionTable::portless_key(FlowTuple reply) {
  (reply.is_icmp() ? reply.source_port : reply.destination_port) = 0;
  return reply.hash();
}

void ConnectionTable::erase(Id id) {
  forget_translation(id);
  by_tuple_.erase(slots_[id].hash(Direction::kOriginal), pack({id, Direction::kOriginal}));
  slots_[id].used = false;
  free_.push_back(id);
}

uint64_t ConnectionTable::source_key(const FlowTuple& tuple) {
  return tuple.source.hash() ^ (uint64_t{tuple.source_port} << 8 | tuple.protocol);
}

bool ConnectionTable::same_source(const FlowTuple& a, const FlowTuple& b) {
  return a.protocol == b.protocol && a.source_port == b.source_port && a.source == b.source;
}

void ConnectionTable::sort_newest_first(std::vector<Id>& ids) const {
  std::sort(ids.begin(), ids.end(), [this](Id a, Id b) { return slots_[a].age > slots_[b].age; });
}

void ConnectionTable::erase_expired(const FlowTuple& tuple, uint64_t hash, Instant now) {
  const uint32_t number = find(tuple, hash, false, now);
  if (number != HashIndex::kNone) erase(unpack(number).id);
}

// Lookups skip what is over, so the rest is only a matter of memory: a few slots now and then, two
// for each insertion, keep the table at most about twice as large as what lives in it.
void ConnectionTable::sweep(Instant now) {
  constexpr uint64_t kInsertions = 16;
  if (slots_.empty() || next_age_ % kInsertions != 0) return;
  for (uint64_t i = 0; i < 2 * kInsertions; ++i) {
    if (++sweep_position_ >= slots_.size()) sweep_position_ = 0;
    const Slot& slot = slots_[sweep_position_];
    if (slot.used && slot.connection.deadline <= now) erase(sweep_position_);
  }
}

}  // namespace kubeproof::netfilter
