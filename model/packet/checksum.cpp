// Nothing here knows how a packet was made or translated: a checksum is judged from the bytes
// alone.
#include "model/packet/checksum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "model/packet/crc32c.h"

namespace kubeproof {
namespace {

uint16_t fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint64_t sum_words(const IpAddress& address) {
  uint64_t sum = 0;
  for (size_t at = 0; at < address.bytes().size(); at += 4) sum += load32(address.bytes(), at);
  return sum;
}

// The CRC is computed over the packet with zero in its own place, and sent least significant byte
// first (RFC 9260 section 6.8).
uint32_t sctp_checksum(ByteView segment) {
  constexpr std::array<uint8_t, 4> kZero{};
  uint32_t crc = crc32c_step(~uint32_t{0}, segment.first(8));
  crc = crc32c_step(crc, kZero);
  crc = ~crc32c_step(crc, segment.subspan(12));
  return __builtin_bswap32(crc);
}

struct TransportShape {
  uint8_t header_size;
  uint8_t checksum_at;
  bool pseudo_header;
};

// Null where no checksum is known.
const TransportShape* transport_shape(const PacketView& view) {
  static constexpr TransportShape kTcpShape{20, 16, true};
  static constexpr TransportShape kUdpShape{8, 6, true};
  static constexpr TransportShape kSctpShape{12, 8, false};
  static constexpr TransportShape kIcmpShape{8, 2, false};
  static constexpr TransportShape kIcmpv6Shape{8, 2, true};
  switch (view.protocol) {
    case kTcp:
      return &kTcpShape;
    case kUdp:
      return &kUdpShape;
    case kSctp:
      return &kSctpShape;
    case kIcmp:
      return view.family == Family::kIpv4 ? &kIcmpShape : nullptr;
    case kIcmpv6:
      return view.family == Family::kIpv6 ? &kIcmpv6Shape : nullptr;
    default:
      return nullptr;
  }
}

// Judges a packet of which `available` bytes may be fewer than its header claims.
ChecksumState judge_transport(ByteView available, const PacketView& view) {
  const auto offset = transport_checksum_offset(view);
  if (!offset) return ChecksumState::kNone;
  if (view.is_fragment || available.size() < view.total_length) return ChecksumState::kNotJudgeable;
  const auto expected = transport_checksum(available, view);
  if (!expected) return ChecksumState::kNotJudgeable;
  if (view.protocol == kSctp) {
    return load32(available, *offset) == *expected ? ChecksumState::kRight : ChecksumState::kWrong;
  }
  const uint16_t actual = load16(available, *offset);
  if (view.protocol == kUdp && actual == 0) return ChecksumState::kAbsent;
  // A receiver adds everything up and expects 0xffff, so it cannot tell the two zeros apart.
  const auto is_zero = [](uint32_t value) { return value == 0 || value == 0xffff; };
  return actual == *expected || (is_zero(actual) && is_zero(*expected)) ? ChecksumState::kRight
                                                                        : ChecksumState::kWrong;
}

ChecksumState judge_ip_header(ByteView packet, const PacketView& view) {
  if (view.family == Family::kIpv6) return ChecksumState::kNone;
  return ones_complement_sum(packet.first(view.transport_offset)) == 0xffff ? ChecksumState::kRight
                                                                            : ChecksumState::kWrong;
}

}  // namespace

uint16_t ones_complement_sum(ByteView bytes, uint16_t initial) {
  // Adding up native words and swapping the folded result once is the same sum (RFC 1071, 2(B)).
  uint64_t sum = 0;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data() + at, 4);
    sum += word;
  }
  std::array<uint8_t, 4> tail{};
  if (at < bytes.size()) std::memcpy(tail.data(), bytes.data() + at, bytes.size() - at);
  uint32_t word = 0;
  std::memcpy(&word, tail.data(), 4);
  const uint16_t folded = fold(sum + word);
  return fold(uint64_t{initial} +
              (std::endian::native == std::endian::little ? __builtin_bswap16(folded) : folded));
}

uint16_t pseudo_header_sum(const PacketView& view, uint32_t transport_length) {
  return fold(sum_words(view.source) + sum_words(view.destination) + view.protocol +
              transport_length);
}

uint16_t ipv4_header_checksum(ByteView packet) {
  const size_t header_size = size_t{packet[0] & 0xfU} * 4;
  const uint16_t before = ones_complement_sum(packet.first(10));
  return static_cast<uint16_t>(~ones_complement_sum(packet.first(header_size).subspan(12), before));
}

std::optional<size_t> transport_checksum_offset(const PacketView& view) {
  const TransportShape* shape = transport_shape(view);
  if (shape == nullptr) return std::nullopt;
  return size_t{view.transport_offset} + shape->checksum_at;
}

std::optional<uint32_t> transport_checksum(ByteView packet, const PacketView& view) {
  const TransportShape* shape = transport_shape(view);
  if (shape == nullptr || view.is_fragment || packet.size() < view.total_length)
    return std::nullopt;
  ByteView segment = packet.first(view.total_length).subspan(view.transport_offset);
  if (segment.size() < shape->header_size) return std::nullopt;
  if (view.protocol == kSctp) return sctp_checksum(segment);
  if (view.protocol == kUdp) {
    // A datagram may say that it is shorter than the packet (RFC 768); one that says otherwise has
    // no checksum.
    const uint16_t length = load16(segment, 4);
    if (length < shape->header_size || length > segment.size()) return std::nullopt;
    segment = segment.first(length);
  }
  const uint16_t initial = shape->pseudo_header
                               ? pseudo_header_sum(view, static_cast<uint32_t>(segment.size()))
                               : uint16_t{0};
  const uint16_t before = ones_complement_sum(segment.first(shape->checksum_at), initial);
  const auto checksum = static_cast<uint16_t>(
      ~ones_complement_sum(segment.subspan(shape->checksum_at + size_t{2}), before));
  return view.protocol == kUdp && checksum == 0 ? uint16_t{0xffff} : checksum;
}

uint16_t update_checksum(uint16_t checksum, uint16_t from, uint16_t to) {
  return update_checksum32(checksum, from, to);
}

uint16_t update_checksum32(uint16_t checksum, uint32_t from, uint32_t to) {
  // The complement is taken of 32 bits, as inet_proto_csum_replace4() does, so that the result is
  // never 0xffff.
  return static_cast<uint16_t>(~fold(uint64_t{~uint32_t{checksum}} + ~from + to));
}

uint16_t update_checksum(uint16_t checksum, const IpAddress& from, const IpAddress& to) {
  for (size_t at = 0; at < from.bytes().size(); at += 4) {
    checksum = update_checksum32(checksum, load32(from.bytes(), at), load32(to.bytes(), at));
  }
  return checksum;
}

void change_ipv4_header(MutableByteView packet, size_t at, ByteView bytes) {
  const MutableByteView header = packet.first(size_t{packet[0] & 0xfU} * 4);
  const uint16_t before = ones_complement_sum(header);
  std::copy(bytes.begin(), bytes.end(), header.begin() + static_cast<ptrdiff_t>(at));
  store16(header, 10, update_checksum(load16(header, 10), before, ones_complement_sum(header)));
}

void fix_checksums(MutableByteView packet) {
  const auto view = parse_packet(packet);
  if (!view) return;
  if (view->family == Family::kIpv4) store16(packet, 10, ipv4_header_checksum(packet));
  const auto expected = transport_checksum(packet, *view);
  if (!expected) return;
  const size_t at = *transport_checksum_offset(*view);
  if (view->protocol == kSctp) {
    store32(packet, at, *expected);
    return;
  }
  const bool absent =
      view->protocol == kUdp && view->family == Family::kIpv4 && load16(packet, at) == 0;
  if (!absent) store16(packet, at, static_cast<uint16_t>(*expected));
}

bool has_partial_checksum(ByteView packet, const PacketView& view) {
  const auto at = transport_checksum_offset(view);
  if (!at || view.is_fragment || !view.has_ports) return false;
  const uint32_t length = uint32_t{view.total_length} - view.transport_offset;
  if (view.protocol == kSctp) return load32(packet, *at) == 0;
  if (view.protocol != kTcp && view.protocol != kUdp) return false;
  return load16(packet, *at) == pseudo_header_sum(view, length);
}

bool passes_nf_checksum(ByteView packet, const PacketView& view) {
  const ByteView segment = packet.first(view.total_length).subspan(view.transport_offset);
  const bool pseudo_header =
      view.family == Family::kIpv6 || view.protocol == kTcp || view.protocol == kUdp;
  const uint16_t initial =
      pseudo_header ? pseudo_header_sum(view, static_cast<uint32_t>(segment.size())) : uint16_t{0};
  return ones_complement_sum(segment, initial) == 0xffff;
}

ChecksumReport check_checksums(ByteView packet) {
  const auto view = parse_packet(packet);
  return view ? check_checksums(packet, *view) : ChecksumReport();
}

ChecksumReport check_checksums(ByteView packet, const PacketView& view) {
  ChecksumReport report;
  packet = packet.first(view.total_length);
  report.ip_header = judge_ip_header(packet, view);
  report.transport = judge_transport(packet, view);
  if (!is_icmp_error(view)) return report;
  const ByteView quote = packet.subspan(view.transport_offset + kIcmpHeaderSize);
  const auto quoted = parse_quoted_packet(quote);
  if (!quoted) {
    report.quoted_ip_header = report.quoted_transport = ChecksumState::kNotJudgeable;
    return report;
  }
  report.quoted_ip_header = judge_ip_header(quote, *quoted);
  report.quoted_transport = judge_transport(quote, *quoted);
  return report;
}

}  // namespace kubeproof
