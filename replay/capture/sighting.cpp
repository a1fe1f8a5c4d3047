#include "replay/capture/sighting.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace kubeproof {
namespace {

constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kFin = 0x01;
constexpr uint8_t kCwr = 0x80;

// The mixing step of wyhash, on the words that matter.
class Hash {
 public:
  Hash& add(uint64_t word) {
    const auto product = static_cast<unsigned __int128>(state_ ^ word) * 0x9e3779b97f4a7c15ULL;
    state_ = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    return *this;
  }
  Hash& add(ByteView bytes) {
    while (bytes.size() >= 8) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data(), 8);
      add(word);
      bytes = bytes.subspan(8);
    }
    uint64_t tail = 0;
    if (!bytes.empty()) std::memcpy(&tail, bytes.data(), bytes.size());
    return add(tail);
  }
  Hash& add(const IpAddress& address) { return add(uint64_t{address.hash()}); }
  uint64_t value() const { return state_; }

 private:
  uint64_t state_ = 0x243f6a8885a308d3ULL;
};

size_t tcp_header_size(ByteView segment) {
  return std::min<size_t>(segment.size(), size_t{segment[12]} >> 4 << 2);
}

bool is_whole_tcp(const PacketView& view) {
  return view.protocol == kTcp && view.has_ports && !view.is_fragment;
}

ByteView transport_of(ByteView packet, const PacketView& view) {
  return packet.first(view.total_length).subspan(view.transport_offset);
}

// The bytes of a transport header that translation changes: [first, last) pairs.
struct Range {
  size_t first;
  size_t last;
};

std::array<Range, 2> changeable(const PacketView& view) {
  if (view.is_fragment && view.fragment_offset != 0) return {};
  switch (view.protocol) {
    case kTcp:
      return {Range{0, 4}, Range{16, 18}};
    case kUdp:
      return {Range{0, 4}, Range{6, 8}};
    case kSctp:
      return {Range{0, 4}, Range{8, 12}};
    case kIcmp:
    case kIcmpv6:
      return {Range{2, 4}, view.has_ports ? Range{4, 6} : Range{4, 4}};
    default:
      return {};
  }
}

// After how many bytes of the transport nothing changes any more.
size_t changed_up_to(const PacketView& view) {
  if (view.has_icmp && !view.has_ports) return SIZE_MAX;  // an error: its quote is translated too
  size_t end = 0;
  for (const Range& range : changeable(view)) end = std::max(end, range.last);
  return end;
}

bool equal_but_for(ByteView a, ByteView b, const std::array<Range, 2>& ranges) {
  if (a.size() != b.size()) return false;
  size_t at = 0;
  for (const Range& range : ranges) {
    const size_t until = std::min(range.first, a.size());
    if (until > at && std::memcmp(a.data() + at, b.data() + at, until - at) != 0) return false;
    at = std::max(at, std::min(range.last, a.size()));
  }
  return std::memcmp(a.data() + at, b.data() + at, a.size() - at) == 0;
}

// What the network header says that neither translation nor forwarding changes.
bool same_network_header(ByteView a, const PacketView& a_view, ByteView b,
                         const PacketView& b_view) {
  if (a_view.family != b_view.family || a_view.protocol != b_view.protocol) return false;
  if (a_view.family == Family::kIpv4) {
    return a[1] == b[1] && a_view.identification == b_view.identification &&
           a_view.dont_fragment == b_view.dont_fragment;
  }
  return load32(a, 0) == load32(b, 0);  // traffic class and flow label
}

// Quotes change with the translation of the flow that they are about; the rest stays.
bool same_icmp_error(ByteView a, ByteView b) {
  if (a.size() != b.size() || load16(a, 0) != load16(b, 0) || load32(a, 4) != load32(b, 4)) {
    return false;
  }
  const auto a_quoted = parse_quoted_packet(a.subspan(kIcmpHeaderSize));
  const auto b_quoted = parse_quoted_packet(b.subspan(kIcmpHeaderSize));
  if (!a_quoted || !b_quoted) return !a_quoted && !b_quoted;
  if (a_quoted->protocol != b_quoted->protocol ||
      a_quoted->identification != b_quoted->identification ||
      a_quoted->transport_offset != b_quoted->transport_offset) {
    return false;
  }
  const size_t offset = kIcmpHeaderSize + a_quoted->transport_offset;
  return equal_but_for(a.subspan(offset), b.subspan(offset), changeable(*a_quoted));
}

bool is_tcp_segment_of(ByteView part, ByteView whole) {
  const size_t part_header = tcp_header_size(part);
  const size_t whole_header = tcp_header_size(whole);
  const uint32_t skipped = load32(part, 4) - load32(whole, 4);
  const ByteView part_data = part.subspan(part_header);
  const ByteView whole_data = whole.subspan(whole_header);
  const bool is_last = skipped + part_data.size() == whole_data.size();
  return part_header == whole_header && part_header >= 20 && !part_data.empty() &&
         skipped <= whole_data.size() && part_data.size() <= whole_data.size() - skipped &&
         ((part[13] & kFin) == 0 || (is_last && (whole[13] & kFin) != 0)) &&
         load32(part, 8) == load32(whole, 8) &&
         std::equal(part.begin() + 20, part.begin() + static_cast<ptrdiff_t>(part_header),
                    whole.begin() + 20) &&
         std::equal(part_data.begin(), part_data.end(), whole_data.begin() + skipped);
}

bool is_fragment_of(ByteView part, const PacketView& part_view, ByteView whole,
                    const PacketView& whole_view) {
  const size_t offset = part_view.fragment_offset;
  if (part_view.identification != whole_view.identification ||
      offset + part.size() > whole.size()) {
    return false;
  }
  const std::array<Range, 2> ranges = offset == 0 ? changeable(whole_view) : std::array<Range, 2>{};
  return equal_but_for(part, whole.subspan(offset, part.size()), ranges);
}

}  // namespace

uint64_t content_key(ByteView packet, const PacketView& view) {
  const ByteView transport = transport_of(packet, view);
  Hash hash;
  hash.add(uint64_t{view.protocol} << 32 | uint64_t{view.fragment_offset} << 16 |
           (view.total_length - view.transport_offset));
  if (view.family == Family::kIpv4) hash.add(view.identification);
  if (is_whole_tcp(view)) {
    hash.add(uint64_t{load32(transport, 4)} << 32 | load32(transport, 8)).add(view.tcp_flags);
  }
  const ByteView untouched = transport.subspan(std::min(transport.size(), changed_up_to(view)));
  constexpr size_t kTail = 24;
  hash.add(untouched.last(std::min(untouched.size(), kTail)));
  return hash.value();
}

std::optional<uint64_t> whole_key(ByteView packet, const PacketView& view) {
  Hash hash;
  if (is_whole_tcp(view)) {
    const ByteView segment = transport_of(packet, view);
    constexpr uint8_t kFirstOrLastOnly = kPsh | kFin | kCwr;
    hash.add(uint64_t{load32(segment, 8)} << 32 | uint64_t{load16(segment, 14)} << 8 |
             (view.tcp_flags & static_cast<uint8_t>(~kFirstOrLastOnly)));
    return hash.add(segment.subspan(20, std::max<size_t>(tcp_header_size(segment), 20) - 20))
        .value();
  }
  if (view.family == Family::kIpv4) {
    return hash.add(uint64_t{view.protocol} << 32 | view.identification).value();
  }
  return std::nullopt;
}

uint64_t quote_key(const PacketView& view) {
  Hash hash;
  hash.add(view.source).add(view.destination);
  hash.add(uint64_t{view.protocol} << 32 | uint64_t{view.source_port} << 16 |
           view.destination_port);
  return hash.add(view.identification).value();
}

bool is_same_packet(ByteView before, const PacketView& before_view, ByteView after,
                    const PacketView& after_view) {
  if (!same_network_header(before, before_view, after, after_view) ||
      before_view.total_length - before_view.transport_offset !=
          after_view.total_length - after_view.transport_offset ||
      before_view.is_fragment != after_view.is_fragment ||
      before_view.fragment_offset != after_view.fragment_offset ||
      before_view.has_ports != after_view.has_ports) {
    return false;
  }
  const ByteView a = transport_of(before, before_view);
  const ByteView b = transport_of(after, after_view);
  if (is_icmp_error(before_view)) return is_icmp_error(after_view) && same_icmp_error(a, b);
  return equal_but_for(a, b, changeable(before_view));
}

bool is_part_of(ByteView part, const PacketView& part_view, ByteView whole,
                const PacketView& whole_view) {
  if (part_view.family != whole_view.family || part_view.protocol != whole_view.protocol ||
      whole_view.is_fragment || part_view.total_length >= whole_view.total_length) {
    return false;
  }
  const ByteView a = transport_of(part, part_view);
  const ByteView b = transport_of(whole, whole_view);
  if (part_view.is_fragment) return is_fragment_of(a, part_view, b, whole_view);
  return is_whole_tcp(part_view) && is_whole_tcp(whole_view) && is_tcp_segment_of(a, b);
}

bool is_quote_of(ByteView quote, const PacketView& quote_view, ByteView packet,
                 const PacketView& view) {
  if (quote_view.family != view.family || quote_view.protocol != view.protocol ||
      quote_view.source != view.source || quote_view.destination != view.destination ||
      quote_view.identification != view.identification ||
      quote_view.total_length != view.total_length ||
      quote_view.transport_offset != view.transport_offset ||
      quote_view.transport_offset > quote.size()) {
    return false;
  }
  const ByteView transport = transport_of(packet, view);
  const ByteView quoted = quote.subspan(quote_view.transport_offset);
  const size_t size = std::min(quoted.size(), transport.size());
  // The transport checksum alone may be different: partial in one, complete in the other.
  std::array<Range, 2> ranges = changeable(view);
  ranges[0] = {0, 0};
  return equal_but_for(quoted.first(size), transport.first(size), ranges);
}

}  // namespace kubeproof
