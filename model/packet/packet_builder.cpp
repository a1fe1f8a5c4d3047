// What is said to a builder; packet_builder_bytes.cpp turns it into bytes.
#include "model/packet/packet_builder.h"

#include <iterator>

namespace kubeproof {
namespace {

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
  builder.payload_.assign(std::begin(kSctpInit), std::end(kSctpInit));
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

}  // namespace kubeproof
