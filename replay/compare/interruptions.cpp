#include "replay/compare/interruptions.h"

#include <algorithm>
#include <vector>

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

// Of a packet and of what left.
std::vector<FlowKey> keys_of(const PacketView& packet, std::span<const Seen> whole,
                             std::span<const Seen> pieces) {
  std::vector<FlowKey> keys;
  if (packet.has_ports) keys.push_back(flow_key(packet));
  for (const auto seen : {whole, pieces}) {
    for (const Seen& one : seen) {
      const auto left = parse_packet(one.packet);
      if (left && left->has_ports) keys.push_back(flow_key(*left));
    }
  }
  return keys;
}

}  // namespace

void Interruptions::note_between(const PacketView& packet, std::span<const Seen> whole,
                                 std::span<const Seen> pieces) {
  if (datagrams_.empty()) return;
  const std::vector<FlowKey> keys = keys_of(packet, whole, pieces);
  for (Datagram& datagram : datagrams_) {
    if (packet.is_fragment && is_of_one_datagram(datagram.first, packet)) continue;
    if (packet.has_ports && begins_as(packet, datagram.first)) {
      datagram.begun_otherwise = true;
      continue;
    }
    datagram.tuple_taken |= std::any_of(keys.begin(), keys.end(), [&](const FlowKey& key) {
      return key == datagram.came_as || key == datagram.left_as;
    });
  }
}

const Interrupted* Interruptions::note(const PacketView& packet, std::span<const Seen> whole,
                                       std::span<const Seen> pieces) {
  note_between(packet, whole, pieces);
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
    datagrams_.push_back({{.first = packet, .left = *left}, flow_key(packet), flow_key(*left)});
    break;
  }
  return nullptr;
}

void Interruptions::note_configuration() {
  for (Datagram& datagram : datagrams_) datagram.begun_otherwise = true;
}

}  // namespace kubeproof
