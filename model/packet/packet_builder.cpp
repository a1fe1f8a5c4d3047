#include "model/packet/packet_builder.h"

#include <algorithm>

#include "model/packet/checksum.h"

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

Bytes padded(ByteView bytes, size_t multiple) {
  Bytes result(bytes.begin(), bytes.end());
  result.resize((bytes.size() + multiple - 1) / multiple * multiple);
  return result;
}

// An INIT chunk: tag 1, window 65535, one stream each way, first TSN 1 (RFC 9260 section 3.3.2).
constexpr uint8_t kSctpInit[] = {1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 255, 255, 0, 1, 0, 1, 0, 0, 0, 1};

IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}
SocketAddress endpoint(std::string_view text) {
  return SocketAddress::parse(text).value();
}

}  // namespace

PacketBuilder::PacketBuilder(const IpAddress& from, const IpAddress& to, uint8_t protocol)
    : from_(from), to_(to), protocol_(protocol) {}

PacketBuilder PacketBuilder::tcp(const SocketAddress& from, const SocketAddress& to) {
  PacketBuilder builder(from.address, to.address, kTcp);
  builder.from_port_ = from.port;
  builder.to_port_ = to.port;
  return builder;
}

PacketBuilder PacketBuilder::tcp(std::string_view from, std::string_view to) {
  return tcp(endpoint(from), endpoint(to));
}

PacketBuilder PacketBuilder::udp(const SocketAddress& from, const SocketAddress& to) {
  PacketBuilder builder = tcp(from, to);
  builder.protocol_ = kUdp;
  return builder;
}

PacketBuilder PacketBuilder::udp(std::string_view from, std::string_view to) {
  return udp(endpoint(from), endpoint(to));
}

PacketBuilder PacketBuilder::sctp(const SocketAddress& from, const SocketAddress& to) {
  PacketBuilder builder = tcp(from, to);
  builder.protocol_ = kSctp;
  builder.seq_ = 0;  // an INIT carries verification tag zero
  append(builder.payload_, kSctpInit);
  return builder;
}

PacketBuilder PacketBuilder::sctp(std::string_view from, std::string_view to) {
  return sctp(endpoint(from), endpoint(to));
}

PacketBuilder PacketBuilder::icmp(const IpAddress& from, const IpAddress& to, uint8_t type,
                                  uint8_t code, uint32_t rest) {
  PacketBuilder builder(from, to, from.is_v4() ? kIcmp : kIcmpv6);
  builder.icmp_type_ = type;
  builder.icmp_code_ = code;
  builder.icmp_rest_ = rest;
  return builder;
}

PacketBuilder PacketBuilder::icmp(std::string_view from, std::string_view to, uint8_t type,
                                  uint8_t code, uint32_t rest) {
  return icmp(address(from), address(to), type, code, rest);
}

PacketBuilder PacketBuilder::icmp_echo(const IpAddress& from, const IpAddress& to,
                                       uint16_t identifier) {
  return icmp(from, to, from.is_v4() ? 8 : 128, 0, uint32_t{identifier} << 16 | 1);
}

PacketBuilder PacketBuilder::icmp_echo(std::string_view from, std::string_view to,
                                       uint16_t identifier) {
  return icmp_echo(address(from), address(to), identifier);
}

PacketBuilder PacketBuilder::icmp_echo_reply(std::string_view from, std::string_view to,
                                             uint16_t identifier) {
  PacketBuilder builder = icmp_echo(from, to, identifier);
  builder.icmp_type_ = builder.from_.is_v4() ? 0 : 129;
  return builder;
}

PacketBuilder PacketBuilder::ip(const IpAddress& from, const IpAddress& to, uint8_t protocol) {
  PacketBuilder builder(from, to, protocol);
  builder.payload_is_all_ = true;
  return builder;
}

PacketBuilder PacketBuilder::ip(std::string_view from, std::string_view to, uint8_t protocol) {
  return ip(address(from), address(to), protocol);
}

PacketBuilder& PacketBuilder::ttl(uint8_t ttl) {
  ttl_ = ttl;
  return *this;
}

PacketBuilder& PacketBuilder::tos(uint8_t tos) {
  tos_ = tos;
  return *this;
}

PacketBuilder& PacketBuilder::flow_label(uint32_t label) {
  flow_label_ = label;
  return *this;
}

PacketBuilder& PacketBuilder::identification(uint32_t identification) {
  identification_ = identification;
  return *this;
}

PacketBuilder& PacketBuilder::dont_fragment(bool on) {
  dont_fragment_ = on;
  return *this;
}

PacketBuilder& PacketBuilder::ip_options(ByteView options) {
  ip_options_ = padded(options, 4);
  return *this;
}

PacketBuilder& PacketBuilder::extension(uint8_t header, ByteView body) {
  extensions_.push_back({header, Bytes(body.begin(), body.end())});
  return *this;
}

PacketBuilder& PacketBuilder::flags(uint8_t flags) {
  tcp_flags_ = flags;
  return *this;
}

PacketBuilder& PacketBuilder::add_flag(uint8_t flag) {
  tcp_flags_ |= flag;
  return *this;
}

PacketBuilder& PacketBuilder::ack(uint32_t number) {
  ack_number_ = number;
  return ack();
}

PacketBuilder& PacketBuilder::seq(uint32_t number) {
  seq_ = number;
  if (protocol_ == kIcmp || protocol_ == kIcmpv6) {
    icmp_rest_ = (icmp_rest_ & 0xffff0000) | (number & 0xffff);
  }
  return *this;
}

PacketBuilder& PacketBuilder::window(uint16_t window) {
  window_ = window;
  return *this;
}

PacketBuilder& PacketBuilder::tcp_options(ByteView options) {
  tcp_options_ = padded(options, 4);
  return *this;
}

PacketBuilder& PacketBuilder::payload(std::string_view text) {
  payload_.assign(text.begin(), text.end());
  return *this;
}

PacketBuilder& PacketBuilder::payload(ByteView bytes) {
  payload_.assign(bytes.begin(), bytes.end());
  return *this;
}

PacketBuilder& PacketBuilder::payload_size(size_t size) {
  payload_.resize(size);
  for (size_t i = 0; i < size; ++i) payload_[i] = static_cast<uint8_t>('a' + i % 26);
  return *this;
}

PacketBuilder& PacketBuilder::bad_header_checksum() {
  bad_header_checksum_ = true;
  return *this;
}

PacketBuilder& PacketBuilder::bad_transport_checksum() {
  checksum_mode_ = ChecksumMode::kWrong;
  return *this;
}

PacketBuilder& PacketBuilder::partial_checksum() {
  checksum_mode_ = ChecksumMode::kPartial;
  return *this;
}

PacketBuilder& PacketBuilder::no_checksum() {
  checksum_mode_ = ChecksumMode::kNone;
  return *this;
}

PacketBuilder& PacketBuilder::trailer(size_t size) {
  trailer_ = size;
  return *this;
}

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
    header = padded(header, 8);
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
  const ByteView head = ByteView(whole).first(view.transport_offset);
  const ByteView body = ByteView(whole).subspan(view.transport_offset);
  const size_t step = std::max<size_t>(fragment_payload / 8 * 8, 8);
  std::vector<Bytes> fragments;
  for (size_t at = 0; at < body.size(); at += step) {
    const ByteView part = body.subspan(at, std::min(step, body.size() - at));
    const bool more = at + part.size() < body.size();
    Bytes fragment(head.begin(), head.end());
    if (from_.is_v4()) {
      store16(fragment, 2, static_cast<uint16_t>(head.size() + part.size()));
      store16(fragment, 6, static_cast<uint16_t>(at / 8 | (more ? 0x2000 : 0)));
      store16(fragment, 10, ipv4_header_checksum(fragment));
    } else {
      store16(fragment, 4, static_cast<uint16_t>(head.size() - 40 + 8 + part.size()));
      fragment[view.next_header_offset] = kFragmentHeader;
      fragment.push_back(protocol_);
      fragment.push_back(0);
      append16(fragment, static_cast<uint32_t>(at | (more ? 1 : 0)));
      append32(fragment, identification_);
    }
    append(fragment, part);
    fragments.push_back(std::move(fragment));
  }
  return fragments;
}

}  // namespace kubeproof
