#include "replay/compare/datagrams.h"

#include <algorithm>
#include <utility>

#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr std::chrono::minutes kLifetime{1};
constexpr size_t kMostPending = 64;
constexpr size_t kFragmentHeaderSize = 8;

// Where the fragment's share of the datagram begins.
size_t payload_offset(const PacketView& view) {
  if (view.family == Family::kIpv4) return view.transport_offset;
  return view.fragment_header_offset + kFragmentHeaderSize;
}

bool more_fragments(ByteView packet, const PacketView& view) {
  if (view.family == Family::kIpv4) return (packet[6] & 0x20) != 0;
  return (packet[view.fragment_header_offset + size_t{3}] & 1) != 0;
}

Bytes unfragmented_header(ByteView packet, const PacketView& view) {
  if (view.family == Family::kIpv4) {
    return Bytes(packet.begin(), packet.begin() + view.transport_offset);
  }
  Bytes header(packet.begin(), packet.begin() + view.fragment_header_offset);
  header[view.fragment_header_named_at] = packet[view.fragment_header_offset];
  return header;
}

constexpr uint8_t kCongestionExperienced = 3;

bool tells_of_congestion(ByteView packet, Family family) {
  const int codepoint = family == Family::kIpv4 ? packet[1] & 3 : packet[1] >> 4 & 3;
  return codepoint == kCongestionExperienced;
}

void finish_header(Bytes& datagram, Family family, bool congested) {
  if (family == Family::kIpv6) {
    if (congested) datagram[1] |= kCongestionExperienced << 4;
    store16(datagram, 4, static_cast<uint16_t>(datagram.size() - 40));
    return;
  }
  // Options that were written into, and not summed, stay so.
  Bytes words(6);
  store16(words, 0, load16(datagram, 0) | (congested ? kCongestionExperienced : 0));
  store16(words, 2, static_cast<uint16_t>(datagram.size()));
  store16(words, 4, load16(datagram, 6) & 0x4000);
  change_ipv4_header(datagram, 0, ByteView(words).first(4));
  change_ipv4_header(datagram, 6, ByteView(words).last(2));
}

}  // namespace

DatagramAssembler::Pending& DatagramAssembler::find_or_add(Place place, const PacketView& view) {
  const uint8_t protocol = view.family == Family::kIpv4 ? view.protocol : 0;
  const auto same = [&](const Pending& pending) {
    return pending.place == place && pending.identification == view.identification &&
           pending.protocol == protocol && pending.source == view.source &&
           pending.destination == view.destination;
  };
  const auto known = std::find_if(pending_.begin(), pending_.end(), same);
  if (known != pending_.end()) return *known;
  if (pending_.size() == kMostPending) pending_.erase(pending_.begin());
  Pending& added = pending_.emplace_back();
  added.begun = now_;
  added.place = place;
  added.source = view.source;
  added.destination = view.destination;
  added.protocol = protocol;
  added.identification = view.identification;
  return added;
}

void DatagramAssembler::advance(std::chrono::nanoseconds duration) {
  now_ += duration;
  std::erase_if(pending_,
                [&](const Pending& pending) { return now_ - pending.begun >= kLifetime; });
}

std::optional<Bytes> DatagramAssembler::add(Place place, ByteView fragment,
                                            const PacketView& view) {
  Pending& pending = find_or_add(place, view);
  const size_t start = payload_offset(view);
  const ByteView payload = fragment.subspan(start, view.total_length - start);
  pending.pieces.push_back({view.fragment_offset, Bytes(payload.begin(), payload.end())});
  pending.congested |= tells_of_congestion(fragment, view.family);
  if (view.fragment_offset == 0) pending.header = unfragmented_header(fragment, view);
  if (!more_fragments(fragment, view)) pending.length = view.fragment_offset + payload.size();
  if (!pending.header || !pending.length) return std::nullopt;

  std::sort(pending.pieces.begin(), pending.pieces.end(),
            [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  Bytes datagram = *pending.header;
  size_t reached = 0;
  for (const Piece& piece : pending.pieces) {
    if (piece.offset > reached) return std::nullopt;
    const size_t known = reached - piece.offset;
    if (known >= piece.payload.size()) continue;
    datagram.insert(datagram.end(), piece.payload.begin() + static_cast<ptrdiff_t>(known),
                    piece.payload.end());
    reached = piece.offset + piece.payload.size();
  }
  if (reached < *pending.length) return std::nullopt;
  finish_header(datagram, view.family, pending.congested);
  pending_.erase(pending_.begin() + (&pending - pending_.data()));
  return datagram;
}

}  // namespace kubeproof
