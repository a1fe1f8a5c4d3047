#include "replay/compare/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/packet/packet_view.h"
#include "model/packet/protocol_name.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

std::string decimal_and_hex(uint16_t value) {
  return fmt::format("{} ({:#06x})", value, value);
}

std::string tcp_flag_names(uint8_t flags) {
  constexpr std::string_view kNames[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
  std::string text;
  for (size_t bit = 0; bit < std::size(kNames); ++bit) {
    if ((flags >> bit & 1) == 0) continue;
    if (!text.empty()) text += '+';
    text += kNames[bit];
  }
  return text.empty() ? "none" : text;
}

class Lister {
 public:
  Lister(ByteView packet, bool quoted) : packet_(packet), quoted_(quoted) {}

  std::vector<Field> list() &&;

 private:
  size_t end() const { return std::min<size_t>(packet_.size(), view_.total_length); }
  bool has(size_t offset, size_t size) const { return offset + size <= end(); }
  ByteView range(size_t from, size_t to) const {
    return from < to ? packet_.subspan(from, to - from) : ByteView{};
  }

  void add(std::string_view name, Kind kind, std::string value) {
    fields_.push_back({prefixed(name), quoted_ ? Kind::kQuoted : kind, std::move(value), {}});
  }
  void add_bytes(std::string_view name, Kind kind, ByteView bytes) {
    fields_.push_back({prefixed(name), quoted_ ? Kind::kQuoted : kind, {}, bytes});
  }
  void add_port(std::string_view name, Kind kind, size_t at) {
    if (has(at, 2)) add(name, kind, decimal_and_hex(load16(packet_, at)));
  }
  void add_hex16(std::string_view name, Kind kind, size_t at) {
    if (has(at, 2)) add(name, kind, fmt::format("{:#06x}", load16(packet_, at)));
  }
  void add_number32(std::string_view name, Kind kind, size_t at) {
    if (has(at, 4)) add(name, kind, std::to_string(load32(packet_, at)));
  }
  std::string prefixed(std::string_view name) const {
    return quoted_ ? fmt::format("quoted {}", name) : std::string(name);
  }

  void ipv4();
  void ipv6();
  void transport();
  void tcp(size_t at);
  void udp(size_t at);
  void sctp(size_t at);
  void icmp(size_t at);
  void payload(size_t from) { add_bytes("payload", Kind::kPayload, range(from, end())); }

  ByteView packet_;
  bool quoted_;
  PacketView view_;
  std::vector<Field> fields_;
};

std::vector<Field> Lister::list() && {
  const auto view = quoted_ ? parse_quoted_packet(packet_) : parse_packet(packet_);
  if (!view) {
    add_bytes("bytes", Kind::kPayload, packet_);
    return std::move(fields_);
  }
  view_ = *view;
  if (view_.family == Family::kIpv4) {
    ipv4();
  } else {
    ipv6();
  }
  if (view_.is_fragment && !view_.is_first_fragment) {
    payload(view_.transport_offset);
  } else {
    transport();
  }
  return std::move(fields_);
}

void Lister::ipv4() {
  add("DSCP", Kind::kTrafficClass, std::to_string(packet_[1] >> 2));
  add("ECN", Kind::kTrafficClass, std::to_string(packet_[1] & 3));
  add("total length", Kind::kLength, std::to_string(load16(packet_, 2)));
  add_hex16("identification", Kind::kIdentification, 4);
  add("don't fragment", Kind::kFragmentation, view_.dont_fragment ? "set" : "clear");
  add("more fragments", Kind::kFragmentation, (packet_[6] & 0x20) != 0 ? "set" : "clear");
  add("fragment offset", Kind::kFragmentation, std::to_string(view_.fragment_offset));
  add("TTL", Kind::kTtl, std::to_string(view_.ttl));
  add("protocol", Kind::kProtocol, protocol_name(view_.protocol));
  add_hex16("IP header checksum", Kind::kChecksum, 10);
  add("source address", Kind::kSourceAddress, view_.source.to_string());
  add("destination address", Kind::kDestinationAddress, view_.destination.to_string());
  add_bytes("IP options", Kind::kIpOptions, range(20, view_.transport_offset));
}

void Lister::ipv6() {
  const uint32_t first = load32(packet_, 0);
  add("DSCP", Kind::kTrafficClass, std::to_string(first >> 22 & 0x3f));
  add("ECN", Kind::kTrafficClass, std::to_string(first >> 20 & 3));
  add("flow label", Kind::kIpOptions, fmt::format("{:#x}", first & 0xfffff));
  add("payload length", Kind::kLength, std::to_string(load16(packet_, 4)));
  add("hop limit", Kind::kTtl, std::to_string(view_.ttl));
  add("protocol", Kind::kProtocol, protocol_name(view_.protocol));
  add("source address", Kind::kSourceAddress, view_.source.to_string());
  add("destination address", Kind::kDestinationAddress, view_.destination.to_string());
  add_bytes("extension headers", Kind::kIpOptions, range(40, view_.transport_offset));
}

void Lister::transport() {
  const size_t at = view_.transport_offset;
  switch (view_.protocol) {
    case kTcp:
      return tcp(at);
    case kUdp:
      return udp(at);
    case kSctp:
      return sctp(at);
    case kIcmp:
    case kIcmpv6:
      return icmp(at);
    default:
      return payload(at);
  }
}

void Lister::tcp(size_t at) {
  add_port("source port", Kind::kSourcePort, at);
  add_port("destination port", Kind::kDestinationPort, at + 2);
  add_number32("sequence number", Kind::kTcp, at + 4);
  add_number32("acknowledgement number", Kind::kTcp, at + 8);
  if (!has(at, 20)) return;
  const size_t header = static_cast<size_t>(packet_[at + 12] >> 4) * 4;
  add("TCP header length", Kind::kTcp, std::to_string(header));
  add("TCP flags", Kind::kTcp, tcp_flag_names(packet_[at + 13]));
  add("window", Kind::kTcp, std::to_string(load16(packet_, at + 14)));
  add_hex16("TCP checksum", Kind::kChecksum, at + 16);
  add("urgent pointer", Kind::kTcp, std::to_string(load16(packet_, at + 18)));
  const size_t body = std::clamp(at + header, at + 20, std::max(end(), at + 20));
  add_bytes("TCP options", Kind::kTcp, range(at + 20, body));
  payload(body);
}

void Lister::udp(size_t at) {
  add_port("source port", Kind::kSourcePort, at);
  add_port("destination port", Kind::kDestinationPort, at + 2);
  if (!has(at, 8)) return;
  add("UDP length", Kind::kLength, std::to_string(load16(packet_, at + 4)));
  add_hex16("UDP checksum", Kind::kChecksum, at + 6);
  payload(at + 8);
}

void Lister::sctp(size_t at) {
  add_port("source port", Kind::kSourcePort, at);
  add_port("destination port", Kind::kDestinationPort, at + 2);
  if (!has(at, 12)) return;
  add("verification tag", Kind::kPayload, fmt::format("{:#010x}", load32(packet_, at + 4)));
  add("SCTP checksum", Kind::kChecksum, fmt::format("{:#010x}", load32(packet_, at + 8)));
  payload(at + 12);
}

void Lister::icmp(size_t at) {
  if (!view_.has_icmp) return payload(at);
  const bool query = view_.has_ports;
  add("ICMP type", Kind::kIcmp, std::to_string(view_.icmp_type));
  add("ICMP code", Kind::kIcmp, std::to_string(view_.icmp_code));
  add_hex16("ICMP checksum", Kind::kChecksum, at + 2);
  if (query) {
    add("ICMP identifier", Kind::kSourcePort, decimal_and_hex(load16(packet_, at + 4)));
    add("ICMP sequence number", Kind::kIcmp, std::to_string(load16(packet_, at + 6)));
  } else {
    add("second word of the ICMP header", Kind::kIcmp,
        fmt::format("{:#010x}", load32(packet_, at + 4)));
  }
  const size_t body = at + kIcmpHeaderSize;
  if (quoted_ || !is_icmp_error(view_)) return payload(body);
  for (Field& field : Lister(range(body, end()), true).list()) {
    fields_.push_back(std::move(field));
  }
}

}  // namespace

std::vector<Field> list_fields(ByteView packet) {
  return Lister(packet, false).list();
}

}  // namespace kubeproof
