#include "replay/explore/damage.h"

#include <algorithm>
#include <cstddef>

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {
namespace {

constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;

bool is_v4(const Bytes& packet) {
  return packet[0] >> 4 == 4;
}

// A stretch of the packet.
struct Part {
  size_t begin = 0;
  size_t end = 0;
};

// Where a length stands.
struct Length {
  size_t at = 0;
  enum class Kind : uint8_t { kIhl, kByte, kWord, kOffset } kind = Kind::kByte;
};

// What can be told apart in a packet, as far as it can be told.
struct Anatomy {
  std::vector<Part> parts;
  std::vector<Length> lengths;
};

void add_part(Anatomy& anatomy, size_t begin, size_t end, size_t size) {
  end = std::min(end, size);
  if (begin < end) anatomy.parts.push_back({begin, end});
}

void add_length(Anatomy& anatomy, size_t at, Length::Kind kind, size_t size) {
  const size_t width = kind == Length::Kind::kWord ? 2 : 1;
  if (at + width <= size) anatomy.lengths.push_back({at, kind});
}

size_t transport_header_size(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return 20;
    case kSctp:
      return 16;  // with that of its first chunk
    default:
      return 8;
  }
}

void add_transport(Anatomy& anatomy, uint8_t protocol, size_t at, size_t size) {
  add_part(anatomy, at, at + transport_header_size(protocol), size);
  if (protocol == kTcp) {
    add_part(anatomy, at + 20, at + 32, size);  // options
    add_length(anatomy, at + 12, Length::Kind::kOffset, size);
    add_length(anatomy, at + 21, Length::Kind::kByte, size);
  }
  if (protocol == kUdp) add_length(anatomy, at + 4, Length::Kind::kWord, size);
  if (protocol == kSctp) add_length(anatomy, at + 14, Length::Kind::kWord, size);
}

void add_packet(Anatomy& anatomy, ByteView packet, size_t at, bool quoted);

// The fixed header but for version and addresses, then options and extension headers.
void add_headers(Anatomy& anatomy, const PacketView& view, size_t at, size_t size) {
  using Kind = Length::Kind;
  const size_t transport = at + view.transport_offset;
  if (view.family == Family::kIpv4) {
    add_part(anatomy, at + 1, at + 12, size);
    add_part(anatomy, at + kIpv4Header, transport, size);
    add_length(anatomy, at, Kind::kIhl, size);
    add_length(anatomy, at + 2, Kind::kWord, size);
    if (transport > at + kIpv4Header) add_length(anatomy, at + kIpv4Header + 1, Kind::kByte, size);
    return;
  }
  add_part(anatomy, at + 1, at + 8, size);
  add_part(anatomy, at + kIpv6Header, transport, size);
  add_length(anatomy, at + 4, Kind::kWord, size);
  if (transport > at + kIpv6Header) {
    add_length(anatomy, at + kIpv6Header + 1, Kind::kByte, size);
    add_length(anatomy, at + kIpv6Header + 3, Kind::kByte, size);
  }
}

void add_packet(Anatomy& anatomy, ByteView packet, size_t at, bool quoted) {
  const auto view =
      quoted ? parse_quoted_packet(packet.subspan(at)) : parse_packet(packet.subspan(at));
  const size_t size = packet.size();
  if (!view) {
    add_part(anatomy, at + 1, size, size);
    return;
  }
  add_headers(anatomy, *view, at, size);
  const size_t transport = at + view->transport_offset;
  if (transport > size) return;
  add_transport(anatomy, view->protocol, transport, size);
  const size_t body = transport + transport_header_size(view->protocol);
  if (!quoted && is_icmp_error(*view) && body < size)
    return add_packet(anatomy, packet, body, true);
  add_part(anatomy, body, size, size);
}

uint32_t lie(Random& random, uint32_t truth, uint32_t most) {
  return random.pick({0U, 1U, truth - 1, truth + 1, truth - 4, truth + 4, truth - 8, truth + 8,
                      truth / 2, truth * 2, most, static_cast<uint32_t>(random.next())}) &
         most;
}

void lie_about(Random& random, const Length& length, Bytes& packet) {
  uint8_t& byte = packet[length.at];
  switch (length.kind) {
    case Length::Kind::kIhl:
      byte = static_cast<uint8_t>((byte & 0xf0) | lie(random, byte & 0xfU, 0xf));
      break;
    case Length::Kind::kByte:
      byte = static_cast<uint8_t>(lie(random, byte, 0xff));
      break;
    case Length::Kind::kWord:
      store16(packet, length.at,
              static_cast<uint16_t>(lie(random, load16(packet, length.at), 0xffff)));
      break;
    case Length::Kind::kOffset:
      byte = static_cast<uint8_t>(lie(random, byte >> 4U, 0xf) << 4 | (byte & 0xf));
      break;
  }
}

uint8_t any_byte(Random& random) {
  return random.pick({uint8_t{0}, uint8_t{1}, uint8_t{0x7f}, uint8_t{0x80}, uint8_t{0xff},
                      static_cast<uint8_t>(random.next()), static_cast<uint8_t>(random.next())});
}

void flip_or_overwrite(Random& random, const Part& part, Bytes& packet) {
  uint8_t& byte = packet[random.between(part.begin, part.end - 1)];
  if (random.percent(50)) {
    byte ^= static_cast<uint8_t>(1U << random.below(8));
  } else {
    byte = any_byte(random);
  }
}

// All but the version and the addresses.
void scatter(Random& random, size_t from, Bytes& packet) {
  const size_t addresses = is_v4(packet) ? 12 : 8;
  const size_t behind = is_v4(packet) ? kIpv4Header : kIpv6Header;
  for (size_t at = random.between(from, packet.size() - 1); at < packet.size(); ++at) {
    if (at >= addresses && at < behind) continue;
    packet[at] = at == 0 ? static_cast<uint8_t>((packet[0] & 0xf0) | (random.next() & 0xf))
                         : any_byte(random);
  }
}

// `from`: the bytes before stay.
void change(uint32_t seed, size_t from, Bytes& packet) {
  if (packet.size() <= from) return;
  Random random(seed);
  Anatomy anatomy;
  add_packet(anatomy, packet, 0, false);
  std::erase_if(anatomy.parts, [&](const Part& part) { return part.begin < from; });
  std::erase_if(anatomy.lengths, [&](const Length& length) { return length.at < from; });
  const size_t kind = random.below(100);
  if (kind < 45 && !anatomy.parts.empty()) {
    flip_or_overwrite(random, random.pick(anatomy.parts), packet);
  } else if (kind < 80 && !anatomy.lengths.empty()) {
    lie_about(random, random.pick(anatomy.lengths), packet);
  } else if (kind < 88 && from == 0) {
    // A test run takes no packet that is shorter than its fixed header (bpf_prog_test_run_skb()).
    packet.resize(random.between(is_v4(packet) ? kIpv4Header : kIpv6Header, packet.size()));
  } else if (kind < 93 && from == 0) {
    const size_t tail = random.pick({1, 2, 7, 8, 40});
    for (size_t i = 0; i < tail; ++i) packet.push_back(any_byte(random));
  } else {
    scatter(random, from, packet);
  }
}

void repair(Repair how, Bytes& packet) {
  if (how == Repair::kNone || packet.size() < kIpv4Header) return;
  if (how == Repair::kAll && parse_packet(packet)) return fix_checksums(packet);
  const size_t header = size_t{packet[0] & 0xfU} * 4;
  if (is_v4(packet) && header >= kIpv4Header && header <= packet.size()) {
    store16(packet, 10, ipv4_header_checksum(packet));
  }
}

}  // namespace

void damage(const Damage& how, Bytes& packet) {
  for (const uint32_t seed : how.changes) change(seed, 0, packet);
  if (how.changes.empty()) return;
  repair(how.repair, packet);
}

void damage_payload(const Damage& how, Bytes& packet) {
  const auto view = parse_packet(packet);
  if (!view) return;
  for (const uint32_t seed : how.changes) change(seed, view->transport_offset, packet);
  if (!how.changes.empty()) repair(how.repair, packet);
}

}  // namespace kubeproof::explore
