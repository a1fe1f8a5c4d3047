// Follows the kernel's way through the headers: ip_rcv_core() for the IPv4 header,
// ipv6_skip_exthdr() for the chain of extension headers, nf_conntrack_proto_*.c for which bytes are
// ports.
#include "model/packet/packet_view.h"

#include <fmt/format.h>

#include <algorithm>

namespace kubeproof {
namespace {

constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv6HeaderSize = 40;

// IPv6 extension headers (IANA protocol numbers).
enum ExtensionHeader : uint8_t {
  kHopByHop = 0,
  kRouting = 43,
  kFragment = 44,
  kAuthentication = 51,
  kDestinationOptions = 60,
};

bool is_extension(uint8_t next_header) {
  return next_header == kHopByHop || next_header == kRouting || next_header == kFragment ||
         next_header == kAuthentication || next_header == kDestinationOptions;
}

// What the transport header must have for its ports to be read.
enum class Completeness : uint8_t { kWhole, kPortsOnly };

constexpr size_t kPortsSize = 4;

bool is_icmp_query(uint8_t type) {
  // Echo reply, echo, timestamp and its reply, information and its reply, address mask and its
  // reply.
  constexpr uint32_t kQueries = 1U << 0 | 1U << 8 | 0x3fU << 13;
  return type < 32 && (kQueries >> type & 1) != 0;
}

bool is_icmpv6_query(uint8_t type) {
  // Echo, echo reply, node information query and its response.
  return type == 128 || type == 129 || type == 139 || type == 140;
}

void read_ports(ByteView packet, PacketView& view) {
  view.source_port = load16(packet, view.transport_offset);
  view.destination_port = load16(packet, view.transport_offset + 2U);
  view.has_ports = true;
}

void read_icmp(ByteView packet, PacketView& view) {
  view.has_icmp = true;
  view.icmp_type = packet[view.transport_offset];
  view.icmp_code = packet[view.transport_offset + 1U];
  if (view.protocol == kIcmp ? is_icmp_query(view.icmp_type) : is_icmpv6_query(view.icmp_type)) {
    view.source_port = view.destination_port = load16(packet, view.transport_offset + 4U);
    view.has_ports = true;
  }
}

void read_transport(ByteView packet, Completeness completeness, PacketView& view) {
  if (view.is_fragment && view.fragment_offset != 0) return;
  const size_t end = std::min<size_t>(packet.size(), view.total_length);
  const size_t available = end - view.transport_offset;
  const auto enough = [&](size_t whole) {
    return available >= (completeness == Completeness::kWhole ? whole : kPortsSize);
  };
  switch (view.protocol) {
    case kTcp:
      if (enough(20)) read_ports(packet, view);
      if (available >= 20) view.tcp_flags = packet[view.transport_offset + 13U];
      break;
    case kUdp:
      if (enough(8)) read_ports(packet, view);
      break;
    case kSctp:
      if (enough(12)) read_ports(packet, view);
      break;
    case kIcmp:
      if (view.family == Family::kIpv4 && available >= kIcmpHeaderSize) read_icmp(packet, view);
      break;
    case kIcmpv6:
      if (view.family == Family::kIpv6 && available >= kIcmpHeaderSize) read_icmp(packet, view);
      break;
    default:
      break;
  }
}

using Parsed = tl::expected<PacketView, ParseFailure>;

Parsed parse_v4(ByteView packet, Completeness completeness) {
  if (packet.size() < kIpv4HeaderSize) return tl::unexpected(ParseFailure::kTooShort);
  const size_t header_size = size_t{packet[0] & 0xfU} * 4;
  const uint16_t total_length = load16(packet, 2);
  if (header_size < kIpv4HeaderSize || header_size > total_length) {
    return tl::unexpected(ParseFailure::kHeaderLength);
  }
  if (header_size > packet.size() ||
      (completeness == Completeness::kWhole && total_length > packet.size())) {
    return tl::unexpected(ParseFailure::kTotalLength);
  }
  Parsed parsed;
  PacketView& view = *parsed;
  view.source = IpAddress::v4(packet.subspan<12, 4>());
  view.destination = IpAddress::v4(packet.subspan<16, 4>());
  view.protocol = packet[9];
  view.ttl = packet[8];
  view.total_length = total_length;
  view.transport_offset = static_cast<uint16_t>(header_size);
  view.identification = load16(packet, 4);
  const uint16_t fragment = load16(packet, 6);
  view.dont_fragment = (fragment & 0x4000) != 0;
  view.fragment_offset = static_cast<uint16_t>((fragment & 0x1fff) * 8);
  view.is_fragment = (fragment & 0x3fff) != 0;
  view.is_first_fragment = view.is_fragment && view.fragment_offset == 0;
  read_transport(packet, completeness, view);
  return parsed;
}

// Walks the chain of extension headers up to the transport header, or up to the end of the fragment
// header of a later fragment, whose bytes belong to no header. False where the chain runs past
// `end`.
bool walk_extensions(ByteView packet, size_t end, PacketView& view) {
  uint8_t next_header = packet[6];
  size_t offset = kIpv6HeaderSize;
  view.next_header_offset = 6;
  while (is_extension(next_header) && !(view.is_fragment && view.fragment_offset != 0)) {
    if (offset + 8 > end) return false;
    size_t size = 8;
    if (next_header == kFragment) {
      if (view.fragment_header_offset == 0) {
        view.fragment_header_offset = static_cast<uint16_t>(offset);
        view.fragment_header_named_at = view.next_header_offset;
      }
      const uint16_t field = load16(packet, offset + 2);
      view.fragment_offset = field & 0xfff8;
      view.is_fragment = (field & 0xfff9) != 0;  // an atomic fragment is no fragment (RFC 6946)
      view.is_first_fragment = view.fragment_offset == 0 && (field & 1) != 0;
      view.identification = load32(packet, offset + 4);
    } else if (next_header == kAuthentication) {
      size = (size_t{packet[offset + 1]} + 2) * 4;
    } else {
      size = (size_t{packet[offset + 1]} + 1) * 8;
    }
    if (offset + size > end) return false;
    next_header = packet[offset];
    view.next_header_offset = static_cast<uint16_t>(offset);
    offset += size;
  }
  view.protocol = next_header;
  view.transport_offset = static_cast<uint16_t>(offset);
  return true;
}

Parsed parse_v6(ByteView packet, Completeness completeness) {
  if (packet.size() < kIpv6HeaderSize) return tl::unexpected(ParseFailure::kTooShort);
  const size_t total_length = kIpv6HeaderSize + load16(packet, 4);
  // The largest payload and the fixed header together do not fit the field; no link carries that.
  if (total_length > UINT16_MAX ||
      (completeness == Completeness::kWhole && total_length > packet.size())) {
    return tl::unexpected(ParseFailure::kTotalLength);
  }
  Parsed parsed;
  PacketView& view = *parsed;
  view.family = Family::kIpv6;
  view.source = IpAddress::v6(packet.subspan<8, 16>());
  view.destination = IpAddress::v6(packet.subspan<24, 16>());
  view.ttl = packet[7];
  view.total_length = static_cast<uint16_t>(total_length);
  if (!walk_extensions(packet, std::min(packet.size(), total_length), view)) {
    return tl::unexpected(ParseFailure::kExtensionChain);
  }
  read_transport(packet, completeness, view);
  return parsed;
}

Parsed parse(ByteView packet, Completeness completeness) {
  if (packet.empty()) return tl::unexpected(ParseFailure::kTooShort);
  switch (packet[0] >> 4) {
    case 4:
      return parse_v4(packet, completeness);
    case 6:
      return parse_v6(packet, completeness);
    default:
      return tl::unexpected(ParseFailure::kNotIp);
  }
}

}  // namespace

std::string_view to_string(ParseFailure failure) {
  switch (failure) {
    case ParseFailure::kTooShort:
      return "shorter than an IP header";
    case ParseFailure::kNotIp:
      return "neither IPv4 nor IPv6";
    case ParseFailure::kHeaderLength:
      return "impossible IPv4 header length";
    case ParseFailure::kTotalLength:
      return "shorter than its IP header claims";
    case ParseFailure::kExtensionChain:
      return "IPv6 extension headers run past the end";
  }
  return "unknown";
}

Parsed parse_packet(ByteView packet) {
  return parse(packet, Completeness::kWhole);
}

Parsed parse_quoted_packet(ByteView quote) {
  return parse(quote, Completeness::kPortsOnly);
}

bool is_icmp_error(const PacketView& view) {
  if (!view.has_icmp) return false;
  if (view.protocol == kIcmpv6) return view.icmp_type < 128;
  // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
  return view.icmp_type == 3 || view.icmp_type == 4 || view.icmp_type == 5 ||
         view.icmp_type == 11 || view.icmp_type == 12;
}

}  // namespace kubeproof
