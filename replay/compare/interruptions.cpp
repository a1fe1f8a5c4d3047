#include "replay/compare/interruptions.h"

#include <algorithm>

#include "replay/compare/flow_key.h"

namespace kubeproof {
namespace {

constexpr size_t kMostDatagrams = 256;

// Where IPv6 has extension headers, only the first fragment tells the protocol.
bool is_of_one_datagram(const PacketView& a, const PacketView& b) {
  return a.identification == b.identification && a.source == b.source &&
         a.destination == b.destination && (a.family == Family::kIpv6 || a.protocol == b.protocol);
}

bool begins_as(const PacketView& a, const PacketView& b) {
  return a.protocol == b.protocol && a.source_endpoint() == b.source_endpoint() &&
         a.destination_endpoint() == b.destination_endpoint();
}

bool has_tuple_of(const PacketView& packet, const Interrupted& datagram) {
  const FlowKey key = flow_key(packet);
  return packet.has_ports && (key == flow_key(datagram.first) || key == flow_key(datagram.left));
}

}  // namespace

void Interruptions::note_between(const PacketView& packet, std::span<const Seen> seen) {
  for (Interrupted& datagram : datagrams_) {
    if (packet.is_fragment && is_of_one_datagram(datagram.first, packet)) continue;
    if (packet.has_ports && begins_as(packet, datagram.first)) {
      datagram.begun_otherwise = true;
      continue;
    }
    datagram.tuple_taken |= has_tuple_of(packet, datagram);
    for (const Seen& one : seen) {
      const auto left = parse_packet(one.packet);
      datagram.tuple_taken |= left && has_tuple_of(*left, datagram);
    }
  }
}

const Interrupted* Interruptions::note(const PacketView& packet, std::span<const Seen> whole,
                                       std::span<const Seen> pieces) {
  note_between(packet, whole);
  note_between(packet, pieces);
  if (!packet.is_fragment) return nullptr;
  const auto known = std::find_if(datagrams_.begin(), datagrams_.end(), [&](const auto& each) {
    return is_of_one_datagram(each.first, packet);
  });
  if (!packet.is_first_fragment) return known == datagrams_.end() ? nullptr : &*known;
  // Numbers are used again.
  if (known != datagrams_.end()) datagrams_.erase(known);
  for (const Seen& piece : pieces) {
    const auto left = parse_packet(piece.packet);
    if (!left || !left->is_first_fragment || !left->has_ports) continue;
    if (datagrams_.size() == kMostDatagrams) datagrams_.pop_front();
    datagrams_.push_back({.first = packet, .left = *left});
    break;
  }
  return nullptr;
}

void Interruptions::note_configuration() {
  for (Interrupted& datagram : datagrams_) datagram.begun_otherwise = true;
}

}  // namespace kubeproof
