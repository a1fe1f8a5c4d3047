#include "replay/capture/offload.h"

#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kCwr = 0x80;

size_t headers_size(ByteView packet, const PacketView& view) {
  return view.transport_offset + (size_t{packet[view.transport_offset + size_t{12}]} >> 4 << 2);
}

void put_length(MutableByteView segment, const PacketView& view) {
  if (view.family == Family::kIpv4) {
    store16(segment, 2, static_cast<uint16_t>(segment.size()));
  } else {
    store16(segment, 4, static_cast<uint16_t>(segment.size() - 40));
  }
}

// An error quotes the packet as the node had it: without a checksum yet, where its sender left that
// to the card. Only a packet that is quoted whole can be completed.
bool complete_quoted_checksum(MutableByteView packet, const PacketView& view) {
  const size_t start = view.transport_offset + kIcmpHeaderSize;
  if (start > view.total_length) return false;
  const MutableByteView quote = packet.first(view.total_length).subspan(start);
  const auto quoted = parse_quoted_packet(quote);
  if (!quoted || quoted->total_length > quote.size() || is_icmp_error(*quoted)) return false;
  if (!complete_checksum(quote, *quoted)) return false;
  fix_checksums(packet);
  return true;
}

}  // namespace

std::optional<uint32_t> tcp_payload_size(ByteView packet, const PacketView& view) {
  if (view.protocol != kTcp || !view.has_ports || view.is_fragment) return std::nullopt;
  const size_t headers = headers_size(packet, view);
  if (headers < view.transport_offset + size_t{20} || headers > view.total_length) {
    return std::nullopt;
  }
  return static_cast<uint32_t>(view.total_length - headers);
}

uint32_t segment_payload_size(ByteView packet, const PacketView& view, uint32_t mtu) {
  const auto headers = static_cast<uint32_t>(headers_size(packet, view));
  return mtu > headers ? mtu - headers : 1;
}

std::vector<Bytes> cut_segments(ByteView packet, const PacketView& view,
                                std::span<const uint32_t> cuts) {
  const size_t headers = headers_size(packet, view);
  const ByteView payload = packet.first(view.total_length).subspan(headers);
  const uint32_t first_sequence = load32(packet, view.transport_offset + size_t{4});
  const size_t flags_at = view.transport_offset + size_t{13};
  std::vector<Bytes> segments;
  uint32_t from = 0;
  for (size_t i = 0; i <= cuts.size(); ++i) {
    const bool last = i == cuts.size();
    const auto to = last ? static_cast<uint32_t>(payload.size()) : cuts[i];
    Bytes segment(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(headers));
    segment.insert(segment.end(), payload.begin() + from, payload.begin() + to);
    put_length(segment, view);
    if (view.family == Family::kIpv4) {
      store16(segment, 4, static_cast<uint16_t>(view.identification + i));
    }
    store32(segment, view.transport_offset + size_t{4}, first_sequence + from);
    if (i != 0) segment[flags_at] &= static_cast<uint8_t>(~kCwr);
    if (!last) segment[flags_at] &= static_cast<uint8_t>(~(kPsh | kFin));
    fix_checksums(segment);
    segments.push_back(std::move(segment));
    from = to;
  }
  return segments;
}

bool complete_checksum(MutableByteView packet, const PacketView& view) {
  if (is_icmp_error(view)) return complete_quoted_checksum(packet, view);
  // One in 65536 complete checksums looks like a partial one.
  if (!has_partial_checksum(packet, view) ||
      check_checksums(packet, view).transport == ChecksumState::kRight) {
    return false;
  }
  fix_checksums(packet);
  return true;
}

}  // namespace kubeproof
