#include "model/netfilter/connection_table.h"

#include <algorithm>
#include <cassert>

namespace kubeproof::netfilter {

std::optional<ConnectionTable::Found> ConnectionTable::find(const FlowTuple& tuple,
                                                            Instant now) const {
  const auto found = by_tuple_.find(tuple);
  if (found == by_tuple_.end()) return std::nullopt;
  if (slots_[found->second.id].connection.deadline <= now) return std::nullopt;
  return found->second;
}

bool ConnectionTable::taken(const FlowTuple& tuple, const Connection& own, std::optional<Id> gone,
                            Instant now) const {
  const auto found = find(tuple, now);
  return found && found->id != gone && slots_[found->id].connection.original != own.original;
}

ConnectionTable::Id ConnectionTable::insert(const Connection& connection, Instant now) {
  erase_expired(connection.original, now);
  erase_expired(connection.reply, now);
  sweep(now);
  Id id = 0;
  if (free_.empty()) {
    id = static_cast<Id>(slots_.size());
    slots_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  slots_[id] = {connection, next_age_++, true};
  [[maybe_unused]] const bool original_new =
      by_tuple_.try_emplace(connection.original, Found{id, Direction::kOriginal}).second;
  assert(original_new);
  // A connection to itself (a packet whose source is its destination) has one tuple.
  by_tuple_.try_emplace(connection.reply, Found{id, Direction::kReply});
  by_source_.emplace(source_key(connection.original), id);
  return id;
}

void ConnectionTable::update(Id id, const Connection& connection) {
  Connection& current = slots_[id].connection;
  if (current.drawn_from && !connection.drawn_from) {
    forget_reply(id);
    by_tuple_.try_emplace(connection.reply, Found{id, Direction::kReply});
  }
  current = connection;
}

// Another connection may be known by the same tuple: one whose drawn port is not known either.
void ConnectionTable::forget_reply(Id id) {
  const auto reply = by_tuple_.find(slots_[id].connection.reply);
  if (reply != by_tuple_.end() && reply->second.id == id) by_tuple_.erase(reply);
}

void ConnectionTable::erase(Id id) {
  const Connection& connection = slots_[id].connection;
  forget_reply(id);
  by_tuple_.erase(connection.original);
  const auto [first, last] = by_source_.equal_range(source_key(connection.original));
  const auto entry =
      std::find_if(first, last, [id](const auto& each) { return each.second == id; });
  if (entry != last) by_source_.erase(entry);
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

void ConnectionTable::erase_expired(const FlowTuple& tuple, Instant now) {
  const auto found = by_tuple_.find(tuple);
  if (found == by_tuple_.end()) return;
  const Id id = found->second.id;
  if (slots_[id].connection.deadline <= now) erase(id);
}

// Lookups skip what is over, so the rest is only a matter of memory: a few slots at each insertion
// keep the table at most about twice as large as what lives in it.
void ConnectionTable::sweep(Instant now) {
  constexpr int kSlotsPerInsertion = 2;
  for (int i = 0; i < kSlotsPerInsertion && !slots_.empty(); ++i) {
    sweep_position_ = (sweep_position_ + 1) % static_cast<Id>(slots_.size());
    const Slot& slot = slots_[sweep_position_];
    if (slot.used && slot.connection.deadline <= now) erase(sweep_position_);
  }
}

}  // namespace kubeproof::netfilter
