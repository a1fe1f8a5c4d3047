// What a packet's headers say. Parsing is total: any bytes give either a view or the reason why
// not, and a view never reaches past the bytes it was made from.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/packet/address.h"
#include "model/packet/bytes.h"

namespace kubeproof {

// IANA protocol numbers that kubeproof knows by name.
enum Protocol : uint8_t {
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kIcmpv6 = 58,
  kSctp = 132,
};

enum class ParseFailure : uint8_t {
  kTooShort,        // fewer bytes than an IP header
  kNotIp,           // version is neither 4 nor 6
  kHeaderLength,    // IPv4 IHL below 5 or past the total length
  kTotalLength,     // the header claims more bytes than there are
  kExtensionChain,  // IPv6 extension headers of a quote run past the end
};

std::string_view to_string(ParseFailure failure);

// Offsets are from the start of the network header; numbers in host order.
struct PacketView {
  Family family = Family::kIpv4;
  IpAddress source;
  IpAddress destination;
  uint8_t protocol = 0;       // transport protocol, after IPv6 extension headers
  uint8_t ttl = 0;            // hop limit in IPv6
  uint16_t total_length = 0;  // network header to the end of the payload; trailing bytes excluded
  uint16_t transport_offset = 0;  // at most the end of the packet
  // Where IPv6 says what the next header after the fixed one and the extensions is; unused in IPv4.
  uint16_t next_header_offset = 0;
  // IPv6 extension headers run past the end: which transport there is, if any, cannot be told.
  bool is_chain_broken = false;
  // The first fragment header does, though it may say what follows it: it makes no fragment.
  bool is_fragment_header_cut = false;
  bool is_quote = false;  // as an ICMP error quotes it

  bool is_fragment = false;        // any part of a fragmented datagram
  bool is_first_fragment = false;  // offset 0 with more to come
  bool is_last_fragment = false;   // another than that, with none to come
  bool dont_fragment = false;      // IPv4 DF
  uint16_t fragment_offset = 0;    // bytes
  uint32_t identification = 0;     // IPv4 identification or the fragment header's
  // IPv6: where the first whole fragment header stands, and the next-header field that names it; 0
  // where there is none. A datagram that is whole may have one all the same (RFC 6946).
  uint16_t fragment_header_offset = 0;
  uint16_t fragment_header_named_at = 0;

  // TCP, UDP, SCTP ports; ICMP queries (echo, timestamp and the others that conntrack pairs): the
  // identifier in both. Absent for later fragments, for other protocols, and where the transport
  // header is cut short.
  bool has_ports = false;
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  // ICMP in IPv4 and ICMPv6 in IPv6 only, when the header is whole.
  bool has_icmp = false;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  // TCP only, when the header is whole.
  uint8_t tcp_flags = 0;

  SocketAddress source_endpoint() const { return {source, source_port}; }
  SocketAddress destination_endpoint() const { return {destination, destination_port}; }
};

// `packet` starts at the network header and may have trailing bytes (link-layer padding).
tl::expected<PacketView, ParseFailure> parse_packet(ByteView packet);

// The packet that an ICMP error quotes: `quote` may end before the length that its header claims
// (`total_length` is the claim, and at least what is ahead of the transport), and ports need no
// more of a transport header than themselves, as conntrack reads them (nf_ct_get_tuple_ports()).
tl::expected<PacketView, ParseFailure> parse_quoted_packet(ByteView quote);
// The same of an error of that family: the kernel takes the quote for one of it, whatever version
// it claims.
tl::expected<PacketView, ParseFailure> parse_quoted_packet(ByteView quote, Family family);

// An ICMP or ICMPv6 message that reports an error and so quotes a packet, 8 bytes after its start.
bool is_icmp_error(const PacketView& view);
constexpr size_t kIcmpHeaderSize = 8;

// One line for people: "10.0.0.9:4000 > 10.96.0.10:80 TCP [S] ttl 64 len 60".
std::string describe_packet(ByteView packet);

}  // namespace kubeproof
