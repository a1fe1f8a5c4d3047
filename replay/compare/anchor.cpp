#include "replay/compare/anchor.h"

#include <optional>
#include <utility>

#include "model/packet/checksum.h"
#include "model/packet/translate.h"

namespace kubeproof {
namespace {

Tuple tuple_of(const PacketView& view) {
  return {view.source_endpoint(), view.destination_endpoint(), view.protocol};
}

// Empty for what is no part of a flow that could be moved.
std::optional<Tuple> tuple_of(ByteView packet) {
  const auto view = parse_packet(packet);
  if (!view || !view->has_ports) return std::nullopt;
  return tuple_of(*view);
}

// The ICMP checksum after a part of the message was replaced; that part starts at an even offset.
uint16_t update_for_quote(uint16_t checksum, ByteView before, ByteView after) {
  for (size_t at = 0; at + 1 < before.size(); at += 2) {
    checksum = update_checksum(checksum, load16(before, at), load16(after, at));
  }
  return checksum;
}

}  // namespace

size_t TupleHash::operator()(const Tuple& tuple) const {
  const size_t ports =
      size_t{tuple.source.port} << 32 | size_t{tuple.destination.port} << 16 | tuple.protocol;
  size_t mixed = tuple.source.address.hash() * 0x9e3779b97f4a7c15ULL;
  mixed += tuple.destination.address.hash();
  mixed = (mixed ^ ports) * 0xff51afd7ed558ccdULL;
  return mixed ^ mixed >> 32;
}

void TupleMap::set(const Tuple& key, const Tuple& value) {
  if (young_.size() >= capacity_) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_[key] = value;
}

void TupleMap::erase(const Tuple& key) {
  if (!young_.empty()) young_.erase(key);
  if (!old_.empty()) old_.erase(key);
}

const Tuple* TupleMap::find(const Tuple& key) const {
  for (const Map* map : {&young_, &old_}) {
    if (map->empty()) continue;
    const auto found = map->find(key);
    if (found != map->end()) return &found->second;
  }
  return nullptr;
}

Injection Anchor::anchor(const CapturedPacket& captured) {
  Injection injection{captured.ingress, captured.packet, 0};
  const auto view = parse_packet(captured.packet);
  if (!view) return injection;
  const bool moved = is_icmp_error(*view) ? move_error(*view, captured, injection)
                                          : move_reply(*view, captured, injection);
  if (moved) ++moved_;
  return injection;
}

bool Anchor::move_reply(const PacketView& view, const CapturedPacket& captured,
                        Injection& injection) {
  if (!view.has_ports) return false;
  const Tuple tuple = tuple_of(view);
  const Tuple* moved = replies_.find(tuple);
  if (moved == nullptr && captured.ingress.is_host()) moved = delivered_.find(tuple.reversed());
  if (moved == nullptr) return false;
  packet_.assign(captured.packet.begin(), captured.packet.end());
  PacketView changing = view;
  rewrite_source(packet_, changing, moved->source);
  rewrite_destination(packet_, changing, moved->destination);
  injection.packet = packet_;
  injection.ingress = ingresses_.for_source(moved->source.address);
  return true;
}

bool Anchor::move_error(const PacketView& view, const CapturedPacket& captured,
                        Injection& injection) {
  const size_t start = view.transport_offset + kIcmpHeaderSize;
  const auto quoted =
      parse_quoted_packet(ByteView(captured.packet).subspan(start, view.total_length - start));
  if (!quoted || !quoted->has_ports) return false;
  const Tuple tuple = tuple_of(*quoted);
  const Tuple* moved = replies_.find(tuple.reversed());
  if (moved == nullptr) return false;

  packet_.assign(captured.packet.begin(), captured.packet.end());
  const MutableByteView quote = MutableByteView(packet_).subspan(start, view.total_length - start);
  PacketView changing = *quoted;
  rewrite_source(quote, changing, moved->destination);
  rewrite_destination(quote, changing, moved->source);
  const size_t checksum_at = view.transport_offset + size_t{2};
  store16(packet_, checksum_at,
          update_for_quote(load16(packet_, checksum_at),
                           ByteView(captured.packet).subspan(start, quote.size()), quote));

  PacketView outer = view;
  if (view.destination == tuple.source.address) {
    rewrite_destination(packet_, outer, {moved->destination.address, 0});
  }
  // Else a router on the way reports, and stays where it is.
  if (view.source == tuple.destination.address) {
    rewrite_source(packet_, outer, {moved->source.address, 0});
    injection.ingress = ingresses_.for_source(moved->source.address);
  }
  injection.packet = packet_;
  return true;
}

void Anchor::learn(const CapturedPacket& captured, const Fate& fate) {
  if (fate.dropped()) return;
  const auto original = tuple_of(captured.packet);
  if (!original) return;
  // The emission that carries the packet on: not an ICMP error about it.
  for (const Emission& emission : fate) {
    const auto engine = tuple_of(emission.packet);
    if (engine && engine->protocol == original->protocol) {
      return learn_tuples(captured, *original, *engine);
    }
  }
}

void Anchor::learn(const CapturedPacket& captured, ByteView emission) {
  const auto original = tuple_of(captured.packet);
  const auto engine = tuple_of(emission);
  if (original && engine) learn_tuples(captured, *original, *engine);
}

void Anchor::learn_tuples(const CapturedPacket& captured, const Tuple& original,
                          const Tuple& engine) {
  if (captured.departures.empty()) {
    if (engine == original) {
      delivered_.erase(original);
    } else {
      delivered_.set(original, engine.reversed());
    }
    return;
  }
  for (const CapturedPacket::Departure& departure : captured.departures) {
    const auto left = tuple_of(departure.packet);
    if (!left || left->protocol != engine.protocol) continue;
    if (*left == engine) {
      replies_.erase(left->reversed());
    } else {
      replies_.set(left->reversed(), engine.reversed());
    }
  }
}

}  // namespace kubeproof
