// How NAT decides what a connection is translated to (net/netfilter/nf_nat_core.c
// nf_nat_setup_info(), get_unique_tuple()).
#pragma once

#include <cstdint>
#include <optional>

#include "model/netfilter/connection_table.h"
#include "model/netfilter/hook.h"
#include "model/netfilter/state.h"

namespace kubeproof::netfilter {

enum class Manipulation : uint8_t { kSource, kDestination };

// Which half of the translation a hook decides and applies.
inline Manipulation manipulation_at(Hook hook) {
  return hook == Hook::kPrerouting || hook == Hook::kOutput ? Manipulation::kDestination
                                                            : Manipulation::kSource;
}

struct BindingRequest {
  Manipulation manipulation = Manipulation::kSource;
  IpAddress address{};
  std::optional<uint16_t> port{};  // DNAT's
  bool random_fully = false;

  // What a connection gets that no rule translates: its own address, and its own port as long as
  // replies can be told from those of other connections.
  static BindingRequest null(const Connection& connection, Manipulation manipulation);
};

// The connections beside which a new one must be unique.
struct Neighbours {
  const ConnectionTable& table;
  std::optional<ConnectionTable::Id> gone;  // about to be erased
  Instant now;
};

// How likely it is that netfilter finds no free port for the connection, and so drops its packet:
// it tries 248 of them, 128 in a row and then ever fewer. While half of the range is free, that is
// as good as impossible.
double exhaustion_chance(const Connection& connection, const ConnectionTable& table);

// The connection that has to go where a new one takes its port: one that is closing, where the new
// one's sequence numbers have moved on (nf_nat_used_tuple_harder()). Empty where there is none, or
// where netfilter would have found a free port first.
std::optional<ConnectionTable::Id> early_reuse(const Connection& connection,
                                               const ConnectionTable& table, Instant now);

// Decides, and notes in the connection what was decided. Where the source port is drawn at random,
// it is zero in the connection's reply tuple, and Connection::drawn_from says from where.
void bind(Connection& connection, const BindingRequest& request, const Neighbours& neighbours);

}  // namespace kubeproof::netfilter
