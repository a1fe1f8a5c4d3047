// Packets that read as sentences:
//
//   PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().ttl(64).payload("x").build()
//
// What is not said has an ordinary value: TTL 64, DF in IPv4, identification 1, window 64240, right
// checksums. Text that is no address is the caller's mistake and throws; the overloads that take
// addresses never do.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

class PacketBuilder {
 public:
  static PacketBuilder tcp(const SocketAddress& from, const SocketAddress& to);
  static PacketBuilder tcp(std::string_view from, std::string_view to);
  static PacketBuilder udp(const SocketAddress& from, const SocketAddress& to);
  static PacketBuilder udp(std::string_view from, std::string_view to);
  // An INIT chunk unless payload() gives others.
  static PacketBuilder sctp(const SocketAddress& from, const SocketAddress& to);
  static PacketBuilder sctp(std::string_view from, std::string_view to);
  // ICMP or ICMPv6, by the family of the addresses.
  static PacketBuilder icmp_echo(const IpAddress& from, const IpAddress& to, uint16_t identifier);
  static PacketBuilder icmp_echo(std::string_view from, std::string_view to, uint16_t identifier);
  static PacketBuilder icmp_echo_reply(std::string_view from, std::string_view to,
                                       uint16_t identifier);
  // Any ICMP or ICMPv6 message: `rest` is the second word of its header.
  static PacketBuilder icmp(const IpAddress& from, const IpAddress& to, uint8_t type, uint8_t code,
                            uint32_t rest);
  static PacketBuilder icmp(std::string_view from, std::string_view to, uint8_t type, uint8_t code,
                            uint32_t rest = 0);
  // Any protocol, the payload being all that follows the IP header.
  static PacketBuilder ip(const IpAddress& from, const IpAddress& to, uint8_t protocol);
  static PacketBuilder ip(std::string_view from, std::string_view to, uint8_t protocol);

  // IP header.
  PacketBuilder& ttl(uint8_t ttl);
  PacketBuilder& tos(uint8_t tos);  // traffic class in IPv6
  PacketBuilder& flow_label(uint32_t label);
  PacketBuilder& identification(uint32_t identification);
  PacketBuilder& dont_fragment(bool on);
  // IPv4 options, padded to words with end-of-options.
  PacketBuilder& ip_options(ByteView options);
  // IPv6 extension headers, in the order of the calls; `body` follows the next-header and length
  // bytes and is padded to the 8 bytes that the header's length counts.
  PacketBuilder& extension(uint8_t header, ByteView body = {});

  // TCP.
  PacketBuilder& flags(uint8_t flags);
  PacketBuilder& fin() { return add_flag(0x01); }
  PacketBuilder& syn() { return add_flag(0x02); }
  PacketBuilder& rst() { return add_flag(0x04); }
  PacketBuilder& psh() { return add_flag(0x08); }
  PacketBuilder& ack() { return add_flag(0x10); }
  PacketBuilder& cwr() { return add_flag(0x80); }
  PacketBuilder& ack(uint32_t number);
  PacketBuilder& seq(uint32_t number);  // TCP, or the sequence number of an ICMP echo
  PacketBuilder& window(uint16_t window);
  PacketBuilder& tcp_options(ByteView options);  // padded to words with end-of-options

  PacketBuilder& payload(std::string_view text);
  PacketBuilder& payload(ByteView bytes);
  PacketBuilder& payload_size(size_t size);  // a recognisable pattern

  // Wrong on purpose.
  PacketBuilder& bad_header_checksum();
  PacketBuilder& bad_transport_checksum();
  PacketBuilder& partial_checksum();  // as a sender leaves it to offload
  PacketBuilder& no_checksum();       // zero in UDP

  // Bytes after the packet, as short Ethernet frames have.
  PacketBuilder& trailer(size_t size);

  Bytes build() const;

  // The same packet cut into fragments, each with at most `fragment_payload` bytes (rounded down to
  // eights) after its IP and extension headers. Checksums over the whole are in the first.
  std::vector<Bytes> build_fragments(size_t fragment_payload) const;

 private:
  enum class ChecksumMode : uint8_t { kRight, kWrong, kPartial, kNone };
  struct Extension {
    uint8_t header;
    Bytes body;
  };

  PacketBuilder(const IpAddress& from, const IpAddress& to, uint8_t protocol);
  PacketBuilder& add_flag(uint8_t flag);
  Bytes ip_header(size_t payload_size, uint8_t next_header) const;
  Bytes transport() const;
  void apply_checksums(Bytes& packet) const;

  IpAddress from_;
  IpAddress to_;
  uint8_t protocol_;
  uint16_t from_port_ = 0;
  uint16_t to_port_ = 0;
  uint8_t ttl_ = 64;
  uint8_t tos_ = 0;
  uint32_t flow_label_ = 0;
  uint32_t identification_ = 1;
  bool dont_fragment_ = true;
  Bytes ip_options_;
  std::vector<Extension> extensions_;
  uint8_t tcp_flags_ = 0;
  uint32_t seq_ = 1;
  uint32_t ack_number_ = 0;
  uint16_t window_ = 64240;
  Bytes tcp_options_;
  uint8_t icmp_type_ = 0;
  uint8_t icmp_code_ = 0;
  uint32_t icmp_rest_ = 0;
  Bytes payload_;
  bool payload_is_all_ = false;  // no transport header is made
  size_t trailer_ = 0;
  bool bad_header_checksum_ = false;
  ChecksumMode checksum_mode_ = ChecksumMode::kRight;
};

}  // namespace kubeproof
