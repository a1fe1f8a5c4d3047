#include "model/netfilter/tcp_segment.h"

namespace kubeproof::netfilter {
namespace {

enum TcpFlag : uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32 };

constexpr size_t kHeaderSize = 20;
constexpr uint8_t kMaxScale = 14;  // RFC 7323

// PSH, ECE and CWR may go with anything.
bool valid_flags(uint8_t flags) {
  switch (flags & (kFin | kSyn | kRst | kAck | kUrg)) {
    case kSyn:
    case kSyn | kUrg:
    case kSyn | kAck:
    case kRst:
    case kRst | kAck:
    case kFin | kAck:
    case kFin | kAck | kUrg:
    case kAck:
    case kAck | kUrg:
      return true;
    default:
      return false;
  }
}

TcpKind kind_of(const TcpSegment& segment) {
  if (segment.rst) return TcpKind::kRst;
  if (segment.syn) return segment.ack ? TcpKind::kSynAck : TcpKind::kSyn;
  if (segment.fin) return TcpKind::kFin;
  return segment.ack ? TcpKind::kAck : TcpKind::kNone;
}

enum OptionKind : uint8_t { kEnd = 0, kNop = 1, kWindowScale = 3, kSackPermitted = 4, kSack = 5 };

// Calls visitor(kind, body) for each whole option, until it returns false.
template <class Visitor>
void visit_options(ByteView options, Visitor visitor) {
  while (!options.empty()) {
    const uint8_t kind = options[0];
    if (kind == kEnd) return;
    if (kind == kNop) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) return;
    if (!visitor(kind, options.subspan(2, options[1] - size_t{2}))) return;
    options = options.subspan(options[1]);
  }
}

bool after(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(b - a) < 0;
}

}  // namespace

std::optional<TcpSegment> TcpSegment::parse(ByteView packet, const PacketView& view) {
  const ByteView header =
      packet.subspan(view.transport_offset, view.total_length - size_t{view.transport_offset});
  if (header.size() < kHeaderSize) return std::nullopt;
  const size_t header_size = size_t{header[12]} / 16 * 4;
  if (header_size < kHeaderSize || header_size > header.size()) return std::nullopt;
  const uint8_t flags = header[13];
  if (!valid_flags(flags)) return std::nullopt;

  TcpSegment segment;
  segment.sequence = load32(header, 4);
  segment.acknowledgement = load32(header, 8);
  segment.window = load16(header, 14);
  segment.fin = (flags & kFin) != 0;
  segment.syn = (flags & kSyn) != 0;
  segment.rst = (flags & kRst) != 0;
  segment.ack = (flags & kAck) != 0;
  segment.kind = kind_of(segment);
  segment.end = segment.sequence + static_cast<uint32_t>(header.size() - header_size) +
                static_cast<uint32_t>(segment.syn) + static_cast<uint32_t>(segment.fin);
  segment.options = header.subspan(kHeaderSize, header_size - kHeaderSize);
  return segment;
}

void TcpSegment::read_syn_options(TcpSide& side) const {
  if (options.empty()) return;
  const bool liberal = side.liberal;
  TcpSide fresh;
  fresh.end = side.end;
  fresh.max_end = side.max_end;
  fresh.max_window = side.max_window;
  fresh.max_ack = side.max_ack;
  fresh.liberal = liberal;
  side = fresh;
  visit_options(options, [&side](uint8_t kind, ByteView body) {
    if (kind == kSackPermitted && body.empty()) side.sack_permitted = true;
    if (kind == kWindowScale && body.size() == 1) {
      side.scale = body[0] > kMaxScale ? kMaxScale : body[0];
      side.window_scaling = true;
    }
    return true;
  });
}

uint32_t TcpSegment::highest_acknowledgement() const {
  constexpr size_t kBlock = 8;
  uint32_t highest = acknowledgement;
  visit_options(options, [&highest](uint8_t kind, ByteView body) {
    if (kind != kSack || body.empty() || body.size() % kBlock != 0) return true;
    for (size_t at = 0; at < body.size(); at += kBlock) {
      const uint32_t right_edge = load32(body, at + 4);
      if (after(right_edge, highest)) highest = right_edge;
    }
    return false;
  });
  return highest;
}

}  // namespace kubeproof::netfilter
