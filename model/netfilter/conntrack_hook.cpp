#include "model/netfilter/conntrack_hook.h"

#include <fmt/format.h>

#include "model/netfilter/other_trackers.h"
#include "model/netfilter/protocol_tracker.h"
#include "model/netfilter/rules.h"

namespace kubeproof::netfilter {
namespace {

using Kind = Attachment::Kind;
using Relation = Attachment::Relation;

// The discovery of neighbours, of multicast listeners and of multicast routers is never tracked
// (nf_conntrack_proto_icmpv6.c).
bool is_untracked(const PacketView& view) {
  if (view.protocol != kIcmpv6 || !view.has_icmp) return false;
  const uint8_t type = view.icmp_type;
  return (type >= 130 && type <= 136) || type == 143 || type == 151 || type == 152;
}

// ipv6_skip_exthdr() finds nothing to track (nf_conntrack_core.c, get_l4proto).
bool has_no_transport(const PacketView& view) {
  constexpr uint8_t kNoNextHeader = 59;
  return view.family == Family::kIpv6 && (view.protocol == kNoNextHeader || view.is_chain_broken);
}

// One packet's way through nf_conntrack_in().
class Tracking {
 public:
  Tracking(PacketPath& path, const ConntrackContext& context)
      : path_(path),
        context_(context),
        tracked_{.packet = path.packet,
                 .view = path.view,
                 .verify_checksum = path.hook == Hook::kPrerouting} {}

  // False where nobody here knows.
  bool run() {
    const PacketView& view = path_.view;
    if (view.protocol == kIcmp || view.protocol == kIcmpv6) {
      if (!view.has_icmp || tracked_.wrong_checksum()) return true;
      if (is_untracked(view)) {
        path_.attachment.kind = Kind::kUntracked;
        return true;
      }
      if (is_icmp_error(view)) return attach_error();
    }
    const auto tuple = tuple_of(view);
    if (!tuple || has_no_transport(view)) return true;
    if (is_tracked_otherwise(path_.packet, view)) return false;
    if (const auto found = context_.table.find(*tuple, context_.now)) {
      if (!continue_connection(*found)) return true;
    }
    start_connection(*tuple);
    return true;
  }

 private:
  // An error from elsewhere about a connection: the packet that it quotes names the connection,
  // from the other side (nf_conntrack_inet_error()).
  bool attach_error() {
    const ByteView quote =
        ByteView(path_.packet).subspan(path_.view.transport_offset + kIcmpHeaderSize);
    const auto quoted = parse_quoted_packet(quote, path_.view.family);
    if (!quoted || has_no_transport(*quoted)) return true;
    const auto tuple = tuple_of(*quoted);
    if (!tuple) return true;
    if (is_tracked_otherwise(quote, *quoted)) return false;
    const auto found = context_.table.find(tuple->inverse(), context_.now);
    if (!found) return true;
    const Connection& connection = context_.table[found->id];
    // The error must go to whoever sent what it quotes.
    if (connection.tuple(found->direction).destination != path_.view.destination) return true;
    Attachment& attachment = path_.attachment;
    attachment.kind = Kind::kConfirmed;
    attachment.relation = Relation::kRelated;
    attachment.direction = found->direction;
    attachment.id = found->id;
    attachment.connection = connection;
    if (!connection.drawn_from || path_.change.kind != StateChange::Kind::kNone) return true;
    // On its way to the server it shows the port that was drawn.
    path_.change.kind = StateChange::Kind::kUpdate;
    path_.change.id = found->id;
    path_.change.connection = connection;
    return true;
  }

  // Whether a new connection is to take this one's place.
  bool continue_connection(ConnectionTable::Found found) {
    Attachment& attachment = path_.attachment;
    Connection& connection = attachment.connection;
    // By way of lo a packet that was INVALID is looked at again.
    const bool noted =
        path_.change.kind == StateChange::Kind::kUpdate && path_.change.id == found.id;
    connection = noted ? path_.change.connection : context_.table[found.id];
    tracked_.confirmed = true;
    tracked_.direction = found.direction;
    const TrackVerdict verdict = track(connection, tracked_, context_.settings, context_.now);
    StateChange& change = path_.change;
    switch (verdict) {
      case TrackVerdict::kReopen:
        change.erased = found.id;
        tracked_.confirmed = false;
        tracked_.direction = Direction::kOriginal;
        return true;
      case TrackVerdict::kInvalid:
        // The packet is not a part of it, but what the tracker noted stays.
        change.kind = StateChange::Kind::kUpdate;
        change.id = found.id;
        change.connection = connection;
        return false;
      case TrackVerdict::kValid:
      case TrackVerdict::kValidAndOver:
        break;
    }
    attachment.kind = Kind::kConfirmed;
    attachment.direction = found.direction;
    attachment.id = found.id;
    const bool is_reply = found.direction == Direction::kReply;
    attachment.relation =
        is_reply || connection.seen_reply ? Relation::kEstablished : Relation::kNew;
    if (is_reply) connection.seen_reply = true;
    if (verdict == TrackVerdict::kValidAndOver) {
      change.erased = found.id;
    } else {
      change.kind = StateChange::Kind::kUpdate;
      change.id = found.id;
      change.connection = connection;
    }
    return false;
  }

  void start_connection(const FlowTuple& tuple) {
    Attachment& attachment = path_.attachment;
    Connection& connection = attachment.connection;
    connection = {};
    connection.original = tuple;
    connection.reply = tuple.inverse();
    if (track(connection, tracked_, context_.settings, context_.now) == TrackVerdict::kInvalid) {
      return;
    }
    attachment.kind = Kind::kUnconfirmed;
    attachment.relation = Relation::kNew;
    attachment.direction = Direction::kOriginal;
  }

  PacketPath& path_;
  const ConntrackContext& context_;
  TrackedPacket tracked_;
};

// In the order in which Tracking gives up.
std::string why_invalid(const PacketPath& path, const ConntrackContext& context) {
  const TrackedPacket tracked{
      .packet = path.packet, .view = path.view, .verify_checksum = path.hook == Hook::kPrerouting};
  if (tracked.wrong_checksum()) return "its checksum is wrong";
  if (is_icmp_error(path.view)) return "an error about no flow that is known";
  const auto tuple = tuple_of(path.view);
  if (!tuple) return "its transport header is cut or malformed";
  if (const auto found = context.table.find(*tuple, context.now)) {
    return fmt::format("malformed, or out of step with the flow {}",
                       context.table[found->id].original.to_string());
  }
  return "malformed, or of no flow that is known, and not what opens one";
}

}  // namespace

bool track_packet(PacketPath& path, const ConntrackContext& context) {
  // What loops through lo, and the node's own errors, have theirs already.
  return path.attachment.kind != Kind::kNone || Tracking(path, context).run();
}

bool confirm(PacketPath& path, const ConntrackContext& context) {
  Attachment& attachment = path.attachment;
  // An error about a packet that is not confirmed goes the other way, and confirms nothing.
  if (attachment.kind != Kind::kUnconfirmed || attachment.direction == Direction::kReply) {
    return true;
  }
  StateChange& change = path.change;
  const Connection& connection = attachment.connection;
  // Its original tuple was nobody else's when the packet was tracked.
  if (!connection.drawn_from) {
    const auto found = context.table.find(connection.reply, context.now);
    if (found && found->id != change.erased) return false;
  }
  change.kind = StateChange::Kind::kInsert;
  change.connection = connection;
  attachment.kind = Kind::kConfirmed;
  return true;
}

void attach_to_error(Attachment& attachment) {
  if (!attachment.attached()) return;
  attachment.relation = Relation::kRelated;
  attachment.direction = opposite(attachment.direction);
}

uint8_t conntrack_states(const Attachment& attachment) {
  if (attachment.kind == Kind::kNone) return kStateInvalid;
  if (attachment.kind == Kind::kUntracked) return kStateUntracked;
  uint8_t states = 0;
  switch (attachment.relation) {
    case Relation::kNew:
      states = kStateNew;
      break;
    case Relation::kEstablished:
      states = kStateEstablished;
      break;
    case Relation::kRelated:
      states = kStateRelated;
      break;
  }
  if (attachment.connection.source_nat) states |= kStateSnat;
  if (attachment.connection.destination_nat) states |= kStateDnat;
  return states;
}

std::string describe_tracking(const PacketPath& path, const ConntrackContext& context) {
  const Attachment& attachment = path.attachment;
  if (attachment.kind == Kind::kNone) return "INVALID: " + why_invalid(path, context);
  if (attachment.kind == Kind::kUntracked) return "UNTRACKED";
  const char* relation = "NEW";
  if (attachment.relation == Relation::kEstablished) relation = "ESTABLISHED";
  if (attachment.relation == Relation::kRelated) relation = "RELATED";
  const char* side = attachment.direction == Direction::kReply ? "reply of " : "";
  return fmt::format("{} {}{}", relation, side, attachment.connection.original.to_string());
}

}  // namespace kubeproof::netfilter
