#include "replay/capture/sighting_merger.h"

#include <algorithm>
#include <tuple>

namespace kubeproof {
namespace {

// How long a packet takes from one interface to the next on its way in or out. Without the
// interface's index only the time tells a further sighting from a retransmission.
constexpr std::chrono::nanoseconds kRepeatWindow = std::chrono::milliseconds(5);
constexpr std::chrono::nanoseconds kRepeatWindowWithoutInterface = std::chrono::microseconds(300);

// Bounds the memory for captures whose clock stands still.
constexpr size_t kMostPending = 1 << 17;

bool equal(ByteView a, ByteView b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// Whether `sighting` shows the packet of `pending`, byte for byte, at another place of the node.
bool is_repeat(const PendingSighting& pending, const Sighting& sighting) {
  const bool same_file = pending.place.file == sighting.place.file;
  const bool interfaces_known = pending.interface && sighting.interface;
  if (same_file && interfaces_known && pending.interface == sighting.interface) return false;
  const auto window =
      same_file && !interfaces_known ? kRepeatWindowWithoutInterface : kRepeatWindow;
  return sighting.time - pending.time <= window && equal(pending.packet, sighting.packet);
}

// Whether `sighting` may be the packet of `pending`, translated but not routed.
bool is_translated_on_bridge(const PendingSighting& pending, const Sighting& sighting) {
  return pending.departures.empty() && pending.view.ttl == sighting.view.ttl &&
         pending.place.file == sighting.place.file && pending.interface != sighting.interface &&
         sighting.time - pending.time <= kRepeatWindow && !equal(pending.packet, sighting.packet) &&
         is_same_packet(pending.packet, pending.view, sighting.packet, sighting.view);
}

bool left_through(const PendingSighting& entered, std::optional<uint32_t> interface) {
  return std::any_of(
      entered.departures.begin(), entered.departures.end(),
      [&](const auto& departure) { return !interface || departure.interface == interface; });
}

struct Quote {
  ByteView bytes;
  PacketView view;
};

// What an ICMP error to the sender of a packet quotes of it.
std::optional<Quote> quote_in(ByteView packet, const PacketView& view) {
  if (!is_icmp_error(view)) return std::nullopt;
  const ByteView bytes = packet.subspan(view.transport_offset + kIcmpHeaderSize);
  const auto quoted = parse_quoted_packet(bytes);
  if (!quoted || quoted->source != view.destination) return std::nullopt;
  return Quote{bytes, *quoted};
}

int likeness(const PacketView& a, const PacketView& b) {
  return (a.source == b.source ? 4 : 0) + (a.destination == b.destination ? 2 : 0) +
         (a.source_port == b.source_port ? 1 : 0) +
         (a.destination_port == b.destination_port ? 1 : 0);
}

}  // namespace

SightingMerger::SightingMerger(const MergeOptions& options, ImportSummary& summary)
    : options_(options), summary_(summary), horizon_(options.forward_window) {
  if (options.host_packets_logged) horizon_ += options.log_window;
}

void SightingMerger::add(const Sighting& sighting) {
  now_ = std::max(now_, sighting.time);
  ++sightings_;
  if (sighting.loopback) return add_loopback(sighting);
  switch (sighting.heading) {
    case Heading::kEntering:
    case Heading::kPassing:
    case Heading::kUnknown:
      return add_entering(sighting);
    case Heading::kLeaving:
      return add_leaving(sighting);
    case Heading::kLogged:
      return add_logged(sighting);
  }
}

void SightingMerger::finish() {
  finished_ = true;
}

PendingSighting* SightingMerger::next() {
  if (given_out_) pending_.release(*given_out_);
  given_out_.reset();
  while (true) {
    const bool all = finished_ || pending_.size() > kMostPending;
    const auto slot = pending_.take_first(all ? std::chrono::nanoseconds::max() : now_ - horizon_);
    if (!slot) return nullptr;
    PendingSighting& pending = pending_[*slot];
    if (pending.kind != Kind::kBridged && !pending.taken && !pending.loopback) {
      given_out_ = slot;
      return &pending;
    }
    if (pending.kind == Kind::kBridged) {
      summary_.note(ImportNote::kBridged, pending.place);
    } else if (!pending.taken) {
      summary_.note(ImportNote::kLoopback, pending.place);
    }
    pending_.release(*slot);
  }
}

void SightingMerger::add_entering(const Sighting& sighting) {
  if (sighting.heading == Heading::kUnknown) {
    pending_.add(sighting, Kind::kEntering, 2 * sightings_ + 1, sighting.time);
    return;
  }
  const uint64_t content = content_key(sighting.packet, sighting.view);
  if (join_repeat(sighting, content)) {
    return summary_.note(ImportNote::kRepeatedSighting, sighting.place);
  }
  if (join_bridge_port(sighting, content)) {
    return summary_.note(ImportNote::kTranslatedAtBridge, sighting.place);
  }
  const Kind kind = sighting.heading == Heading::kPassing ? Kind::kBridged : Kind::kEntering;
  const Slot slot = pending_.add(sighting, kind, 2 * sightings_ + 1, sighting.time);
  pending_.index(slot, Key::kContent, content);
  pending_.index(slot, Key::kQuote, quote_key(sighting.view));
  index_whole(slot, sighting, Key::kWhole);
}

// A bridge shows a packet at its port, where it is for the bridge's address and so for another host
// than the port, and then itself.
bool SightingMerger::join_repeat(const Sighting& sighting, uint64_t content) {
  for (const Slot slot : pending_.find(Key::kContent, content)) {
    PendingSighting& pending = pending_[slot];
    if (pending.kind == Kind::kHost || !is_repeat(pending, sighting)) continue;
    if (sighting.heading == Heading::kEntering) pending.kind = Kind::kEntering;
    pending.past_bridge_port = true;
    return true;
  }
  return false;
}

// A port shows what it lets in as for another host; but where the bridge has taken this port's
// address, as for us.
bool SightingMerger::entered_bridge_port(const PendingSighting& pending) const {
  if (pending.kind == Kind::kBridged || pending.translated_across_bridge) return true;
  const auto& ports = options_.bridge_ports;
  return pending.kind == Kind::kEntering && pending.interface &&
         std::find(ports.begin(), ports.end(), *pending.interface) != ports.end();
}

// The hooks of the bridge port have run PREROUTING, so only the destination has changed.
bool SightingMerger::join_bridge_port(const Sighting& sighting, uint64_t content) {
  if (sighting.heading != Heading::kEntering) return false;
  PendingSighting* earliest = nullptr;
  for (const Slot slot : pending_.find(Key::kContent, content)) {
    PendingSighting& pending = pending_[slot];
    if (!pending.past_bridge_port && pending.view.source == sighting.view.source &&
        pending.view.source_port == sighting.view.source_port && entered_bridge_port(pending) &&
        is_translated_on_bridge(pending, sighting)) {
      earliest = &pending;  // found latest first
    }
  }
  if (earliest == nullptr) return false;
  earliest->kind = Kind::kEntering;
  earliest->past_bridge_port = true;
  return true;
}

// From one port of a bridge to another, or back, translated on the way: what a router would have
// done with it is not to be seen.
bool SightingMerger::join_bridge_crossing(const Sighting& sighting, uint64_t content) {
  PendingSighting* earliest = nullptr;
  for (const Slot slot : pending_.find(Key::kContent, content)) {
    PendingSighting& pending = pending_[slot];
    if (pending.past_bridge_port == pending.translated_across_bridge &&
        entered_bridge_port(pending) && is_translated_on_bridge(pending, sighting)) {
      earliest = &pending;
    }
  }
  if (earliest == nullptr) return false;
  earliest->kind = Kind::kEntering;
  earliest->past_bridge_port = true;
  earliest->translated_across_bridge = true;
  summary_.note(ImportNote::kTranslatedAtBridge, sighting.place);
  return true;
}

// What a process of the node sent to another, translated: it left the one and enters the other.
// Without a log of OUTPUT nobody knows what was sent.
void SightingMerger::add_loopback(const Sighting& sighting) {
  if (!options_.host_packets_logged) {
    return summary_.note(ImportNote::kLoopback, sighting.place);
  }
  add_leaving(sighting);
}

void SightingMerger::add_leaving(const Sighting& sighting) {
  const uint64_t content = content_key(sighting.packet, sighting.view);
  if (join_bridge_crossing(sighting, content) || join_departure(sighting, content) ||
      join_part(sighting) || join_answer(sighting) || join_leaving_repeat(sighting, content)) {
    return;
  }
  const Slot slot = pending_.add(sighting, Kind::kLeaving, 2 * sightings_ + 1, sighting.time);
  pending_.index(slot, Key::kLeavingContent, content);
  if (!options_.host_packets_logged) return;
  if (const auto quote = quote_in(sighting.packet, sighting.view)) {
    pending_.index(slot, Key::kLeavingAnswer, quote_key(quote->view));
  } else if (const auto whole = whole_key(sighting.packet, sighting.view)) {
    pending_.index(slot, Key::kLeavingWhole, *whole);
  }
}

bool SightingMerger::may_leave_as(const PendingSighting& entered, const Sighting& leaving) const {
  const bool forwarded = entered.kind == Kind::kEntering;
  const auto window = entered.kind == Kind::kHost ? options_.log_window : options_.forward_window;
  return entered.direction_known && entered.view.ttl == leaving.view.ttl + (forwarded ? 1 : 0) &&
         leaving.time - entered.time <= window;
}

bool SightingMerger::join_departure(const Sighting& sighting, uint64_t content) {
  PendingSighting* best = nullptr;
  std::tuple<bool, int, uint64_t> best_rank;
  for (const Slot slot : pending_.find(Key::kContent, content)) {
    PendingSighting& entered = pending_[slot];
    if (!may_leave_as(entered, sighting) ||
        !is_same_packet(entered.packet, entered.view, sighting.packet, sighting.view)) {
      continue;
    }
    // The earliest of the likeliest that has not left here already.
    const std::tuple rank(!left_through(entered, sighting.interface),
                          likeness(entered.view, sighting.view), ~entered.order);
    if (best == nullptr || rank > best_rank) {
      best = &entered;
      best_rank = rank;
    }
  }
  if (best == nullptr) return false;
  if (best->kind == Kind::kBridged) {
    summary_.note(ImportNote::kBridged, sighting.place);
  } else {
    add_departure(*best, sighting, false);
  }
  return true;
}

bool SightingMerger::join_part(const Sighting& sighting) {
  const auto whole = whole_key(sighting.packet, sighting.view);
  if (!whole) return false;
  for (const Slot slot : pending_.find(Key::kWhole, *whole)) {
    PendingSighting& entered = pending_[slot];
    if (may_leave_as(entered, sighting) &&
        is_part_of(sighting.packet, sighting.view, entered.packet, entered.view)) {
      add_departure(entered, sighting, false);
      return true;
    }
  }
  return false;
}

bool SightingMerger::join_answer(const Sighting& sighting) {
  PendingSighting* quoted = find_quoted(sighting);
  if (quoted == nullptr) return false;
  add_departure(*quoted, sighting, true);
  return true;
}

PendingSighting* SightingMerger::find_quoted(const Sighting& sighting) {
  const auto quote = quote_in(sighting.packet, sighting.view);
  if (!quote) return nullptr;
  for (const Slot slot : pending_.find(Key::kQuote, quote_key(quote->view))) {
    PendingSighting& pending = pending_[slot];
    if (is_quote_of(quote->bytes, quote->view, pending.packet, pending.view)) return &pending;
  }
  return nullptr;
}

// A packet that nothing explains may be seen on its way out more than once, too.
bool SightingMerger::join_leaving_repeat(const Sighting& sighting, uint64_t content) {
  for (const Slot slot : pending_.find(Key::kLeavingContent, content)) {
    if (is_repeat(pending_[slot], sighting)) {
      summary_.note(ImportNote::kRepeatedSighting, sighting.place);
      return true;
    }
  }
  return false;
}

void SightingMerger::add_departure(PendingSighting& entered, const Sighting& sighting,
                                   bool is_answer) {
  const bool repeated =
      std::any_of(entered.departures.begin(), entered.departures.end(),
                  [&](const auto& departure) { return equal(departure.packet, sighting.packet); });
  if (repeated) return summary_.note(ImportNote::kRepeatedSighting, sighting.place);
  summary_.note(is_answer ? ImportNote::kAnswer : ImportNote::kDeparture, sighting.place);
  // An error about a packet of the node's own goes back to the node.
  const bool loopback = sighting.loopback || (is_answer && entered.kind == Kind::kHost);
  entered.departures.push_back({sighting.interface,
                                Bytes(sighting.packet.begin(), sighting.packet.end()),
                                sighting.place, is_answer, loopback});
}

void SightingMerger::add_logged(const Sighting& sighting) {
  // An error that the node made about a packet from outside is seen leaving, which tells more.
  if (PendingSighting* quoted = find_quoted(sighting)) {
    if (quoted->kind == Kind::kHost || !options_.departures_shown) {
      add_departure(*quoted, sighting, true);
    } else {
      summary_.note(ImportNote::kRepeatedSighting, sighting.place);
    }
    return;
  }
  const uint64_t content = content_key(sighting.packet, sighting.view);
  const Slot slot = add_host(sighting, content);
  pending_.index(slot, Key::kContent, content);
  pending_.index(slot, Key::kQuote, quote_key(sighting.view));
  index_whole(slot, sighting, Key::kWhole);
}

PendingSightings::Slot SightingMerger::add_host(const Sighting& sighting, uint64_t content) {
  // What left, whole or in parts, entered just before it did; the log is only late.
  std::vector<Slot> explained;
  const auto is_explained = [&](const PendingSighting& leaving) {
    return !leaving.taken && leaving.view.ttl == sighting.view.ttl &&
           sighting.time - leaving.time <= options_.log_window;
  };
  std::tuple<int, uint64_t> best_rank;
  for (const Slot slot : pending_.find(Key::kLeavingContent, content)) {
    const PendingSighting& leaving = pending_[slot];
    const std::tuple rank(likeness(leaving.view, sighting.view), ~leaving.order);
    if (is_explained(leaving) && (explained.empty() || rank > best_rank) &&
        is_same_packet(sighting.packet, sighting.view, leaving.packet, leaving.view)) {
      explained = {slot};
      best_rank = rank;
    }
  }
  if (explained.empty() && sighting.view.total_length > options_.smallest_mtu) {
    if (const auto whole = whole_key(sighting.packet, sighting.view)) {
      for (const Slot slot : pending_.find(Key::kLeavingWhole, *whole)) {
        const PendingSighting& leaving = pending_[slot];
        if (is_explained(leaving) &&
            is_part_of(leaving.packet, leaving.view, sighting.packet, sighting.view)) {
          explained.insert(explained.begin(), slot);  // found latest first
        }
      }
    }
  }
  if (const auto answer = find_earlier_answer(sighting)) explained.push_back(*answer);
  if (explained.empty()) {
    return pending_.add(sighting, Kind::kHost, 2 * sightings_ + 1, sighting.time);
  }
  const PendingSighting& first = pending_[explained.front()];
  const Slot host = pending_.add(sighting, Kind::kHost, first.order - 1, first.time);
  for (const Slot slot : explained) {
    PendingSighting& leaving = pending_[slot];
    leaving.taken = true;
    const bool is_answer = is_icmp_error(leaving.view) && !is_icmp_error(sighting.view);
    summary_.note(is_answer ? ImportNote::kAnswer : ImportNote::kDeparture, leaving.place);
    pending_[host].departures.push_back(
        {leaving.interface, leaving.packet, leaving.place, is_answer, leaving.loopback});
  }
  return host;
}

// An error of the node about the logged packet, where the log came later: the earliest.
std::optional<PendingSightings::Slot> SightingMerger::find_earlier_answer(
    const Sighting& sighting) {
  std::optional<Slot> earliest;
  for (const Slot slot : pending_.find(Key::kLeavingAnswer, quote_key(sighting.view))) {
    const PendingSighting& answer = pending_[slot];
    const auto quote = quote_in(answer.packet, answer.view);
    if (!answer.taken && quote && sighting.time - answer.time <= options_.log_window &&
        is_quote_of(quote->bytes, quote->view, sighting.packet, sighting.view)) {
      earliest = slot;  // found latest first
    }
  }
  return earliest;
}

void SightingMerger::index_whole(Slot slot, const Sighting& sighting, Key key) {
  if (sighting.view.total_length <= options_.smallest_mtu || sighting.view.is_fragment) return;
  if (const auto whole = whole_key(sighting.packet, sighting.view)) {
    pending_.index(slot, key, *whole);
  }
}

}  // namespace kubeproof
