// From what was said to a builder to the packet's bytes.
#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/fragments.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

constexpr uint8_t kFragmentHeader = 44;

void append16(Bytes& bytes, uint32_t value) {
  bytes.push_back(static_cast<uint8_t>(value >> 8));
  bytes.push_back(static_cast<uint8_t>(value));
}

void append32(Bytes& bytes, uint32_t value) {
  append16(bytes, value >> 16);
  append16(bytes, value & 0xffff);
}

void append(Bytes& bytes, ByteView more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

}  // namespace

Bytes PacketBuilder::ip_header(size_t payload_size, uint8_t next_header) const {
  Bytes header;
  if (from_.is_v4()) {
    const size_t size = 20 + ip_options_.size();
    header.push_back(static_cast<uint8_t>(0x40 | size / 4));
    header.push_back(tos_);
    append16(header, static_cast<uint32_t>(size + payload_size));
    append16(header, identification_ & 0xffff);
    append16(header, dont_fragment_ ? 0x4000 : 0);
    header.push_back(ttl_);
    header.push_back(protocol_);
    append16(header, 0);
  } else {
    append32(header, uint32_t{6} << 28 | uint32_t{tos_} << 20 | (flow_label_ & 0xfffff));
    append16(header, static_cast<uint32_t>(payload_size));
    header.push_back(next_header);
    header.push_back(ttl_);
  }
  append(header, from_.bytes());
  append(header, to_.bytes());
  if (from_.is_v4()) append(header, ip_options_);
  return header;
}

Bytes PacketBuilder::transport() const {
  if (payload_is_all_) return payload_;
  Bytes segment;
  switch (protocol_) {
    case kTcp:
      append16(segment, from_port_);
      append16(segment, to_port_);
      append32(segment, seq_);
      append32(segment, ack_number_);
      segment.push_back(static_cast<uint8_t>((20 + tcp_options_.size()) / 4 << 4));
      segment.push_back(tcp_flags_);
      append16(segment, window_);
      append32(segment, 0);
      append(segment, tcp_options_);
      break;
    case kUdp:
      append16(segment, from_port_);
      append16(segment, to_port_);
      append16(segment, static_cast<uint32_t>(8 + payload_.size()));
      // Not zero, which fix_checksums() would take for "none".
      append16(segment, checksum_mode_ == ChecksumMode::kNone ? 0 : 1);
      break;
    case kSctp:
      append16(segment, from_port_);
      append16(segment, to_port_);
      append32(segment, seq_);
      append32(segment, 0);
      break;
    case kIcmp:
    case kIcmpv6:
      segment.push_back(icmp_type_);
      segment.push_back(icmp_code_);
      append16(segment, 0);
      append32(segment, icmp_rest_);
      break;
    default:
      break;
  }
  append(segment, payload_);
  return segment;
}

void PacketBuilder::apply_checksums(Bytes& packet) const {
  const bool keep_zero = checksum_mode_ == ChecksumMode::kNone && !from_.is_v4();
  if (!keep_zero) fix_checksums(packet);
  const auto view = parse_packet(packet);
  if (!view) return;
  const auto at = transport_checksum_offset(*view);
  if (at && checksum_mode_ == ChecksumMode::kWrong && *at + 2 <= view->total_length) {
    packet[*at] ^= 0x55;
  }
  if (at && checksum_mode_ == ChecksumMode::kPartial) {
    if (protocol_ == kSctp) {
      store32(packet, *at, 0);
    } else {
      store16(packet, *at,
              pseudo_header_sum(*view, uint32_t{view->total_length} - view->transport_offset));
    }
  }
  if (from_.is_v4() && bad_header_checksum_) packet[10] ^= 0x55;
}

Bytes PacketBuilder::build() const {
  Bytes extensions;
  for (size_t i = 0; i < extensions_.size(); ++i) {
    Bytes header;
    header.push_back(i + 1 < extensions_.size() ? extensions_[i + 1].header : protocol_);
    header.push_back(0);
    append(header, extensions_[i].body);
    header.resize((header.size() + 7) / 8 * 8);
    if (extensions_[i].header != kFragmentHeader) {
      header[1] = static_cast<uint8_t>(header.size() / 8 - 1);
    }
    append(extensions, header);
  }
  const Bytes segment = transport();
  Bytes packet = ip_header(extensions.size() + segment.size(),
                           extensions_.empty() ? protocol_ : extensions_.front().header);
  append(packet, extensions);
  append(packet, segment);
  apply_checksums(packet);
  packet.resize(packet.size() + trailer_);
  return packet;
}

std::vector<Bytes> PacketBuilder::build_fragments(size_t fragment_payload) const {
  PacketBuilder whole_builder = *this;
  whole_builder.dont_fragment_ = false;
  whole_builder.trailer_ = 0;
  const Bytes whole = whole_builder.build();
  const PacketView view = *parse_packet(whole);
  const size_t step = std::max<size_t>(fragment_payload / 8 * 8, 8);
  return cut_into_fragments(whole, {.head = view.transport_offset,
                                    .named_at = view.next_header_offset,
                                    .first = step,
                                    .rest = step,
                                    .identification = identification_});
}

}  // namespace kubeproof
