// A packet on one of the ways that it can take through the node: its bytes as they are now, what
// is attached to it (the kernel's sk_buff), and what it has changed so far. Ways part where a
// rule draws lots: the path is copied, and each copy goes on by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/netfilter/connection_table.h"
#include "model/netfilter/fragment_queues.h"
#include "model/netfilter/hook.h"
#include "model/netfilter/state.h"
#include "model/node/fate.h"
#include "model/node/ipv4_options.h"
#include "model/node/routing.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

// The connection that a packet belongs to, if it belongs to one (skb->_nfct).
struct Attachment {
  enum class Kind : uint8_t {
    kNone,         // not tracked yet, or INVALID
    kUntracked,    // not to be tracked: neighbour discovery
    kUnconfirmed,  // a connection that the packet starts and that is not in the table yet
    kConfirmed,
  };
  enum class Relation : uint8_t { kNew, kEstablished, kRelated };

  Kind kind = Kind::kNone;
  Relation relation = Relation::kNew;
  Direction direction = Direction::kOriginal;
  ConnectionTable::Id id = 0;  // kConfirmed, unless the packet itself confirmed it
  Connection connection;       // as the packet has changed it

  bool attached() const { return kind == Kind::kUnconfirmed || kind == Kind::kConfirmed; }
};

struct PacketPath {
  Bytes packet;
  PacketView view;
  size_t largest_fragment = 0;  // of those that it came in; 0: it came whole
  std::optional<FirstPiece> first_piece;
  uint32_t mark = 0;
  const Interface* in = nullptr;
  const Interface* out = nullptr;
  RouteDecision route;
  Attachment attachment;

  // Where it is: the next function of the hook to run.
  Hook hook = Hook::kPrerouting;
  uint8_t next_function = 0;
  bool looped = false;                  // came back, with the route that its sender found
  IpAddress looped_destination;         // where it was to go then
  std::vector<PermittedEmission> left;  // what has left while a copy of it came back
  bool made_by_node = false;            // an ICMP error of the node's own
  Ipv4OptionNotes options;              // as the stack has read them
  std::vector<ClockField> clocks;
  std::optional<uint16_t> cut_identification;  // where it stands, of a fragment that the node cut
  bool ended = false;

  double probability = 1;
  StateChange change;

  // For Outcome.
  std::optional<SocketAddress> endpoint;
  bool masquerade = false;
  bool rejected = false;
  bool undecided = false;
  std::vector<std::string> trace;

  // A new packet, in the buffers of an old one.
  void start();
  // As much of it as the MTU has to have room for: what came in fragments leaves in fragments.
  MutableByteView largest_piece() {
    const bool whole = largest_fragment == 0 || largest_fragment > packet.size();
    return MutableByteView(packet).first(whole ? packet.size() : largest_fragment);
  }
};

}  // namespace kubeproof::netfilter
