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

// `end`: of the bytes that may be read.
void read_transport(ByteView packet, size_t end, Completeness completeness, PacketView& view) {
  if (view.is_fragment && view.fragment_offset != 0) return;
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

void read_v4_header(ByteView packet, PacketView& view) {
  view.source = IpAddress::v4(packet.subspan<12, 4>());
  view.destination = IpAddress::v4(packet.subspan<16, 4>());
  view.protocol = packet[9];
  view.ttl = packet[8];
  view.identification = load16(packet, 4);
  const uint16_t fragment = load16(packet, 6);
  view.dont_fragment = (fragment & 0x4000) != 0;
  view.fragment_offset = static_cast<uint16_t>((fragment & 0x1fff) * 8);
  view.is_fragment = (fragment & 0x3fff) != 0;
  view.is_first_fragment = view.is_fragment && view.fragment_offset == 0;
  view.is_last_fragment = view.is_fragment && (fragment & 0x2000) == 0;
}

Parsed parse_v4(ByteView packet) {
  if (packet.size() < kIpv4HeaderSize) return tl::unexpected(ParseFailure::kTooShort);
  const size_t header_size = size_t{packet[0] & 0xfU} * 4;
  const uint16_t total_length = load16(packet, 2);
  if (header_size < kIpv4HeaderSize || header_size > total_length) {
    return tl::unexpected(ParseFailure::kHeaderLength);
  }
  if (total_length > packet.size()) return tl::unexpected(ParseFailure::kTotalLength);
  Parsed parsed;
  read_v4_header(packet, *parsed);
  parsed->total_length = total_length;
  parsed->transport_offset = static_cast<uint16_t>(header_size);
  read_transport(packet, total_length, Completeness::kWhole, *parsed);
  return parsed;
}

// ipv4_get_l4proto(): no length in the header is asked but its own, and that may even be too small.
Parsed parse_quoted_v4(ByteView quote) {
  if (quote.size() < kIpv4HeaderSize) return tl::unexpected(ParseFailure::kTooShort);
  const size_t header_size = size_t{quote[0] & 0xfU} * 4;
  if (header_size > quote.size()) return tl::unexpected(ParseFailure::kTotalLength);
  Parsed parsed;
  read_v4_header(quote, *parsed);
  parsed->is_quote = true;
  parsed->transport_offset = static_cast<uint16_t>(header_size);
  parsed->total_length = std::max(load16(quote, 2), parsed->transport_offset);
  read_transport(quote, quote.size(), Completeness::kPortsOnly, *parsed);
  return parsed;
}

constexpr size_t kFragmentHeaderSize = 8;

void read_fragment_header(ByteView packet, size_t offset, PacketView& view) {
  if (view.fragment_header_offset == 0) {
    view.fragment_header_offset = static_cast<uint16_t>(offset);
    view.fragment_header_named_at = view.next_header_offset;
  }
  const uint16_t field = load16(packet, offset + 2);
  const bool is_fragment = (field & 0xfff9) != 0;  // an atomic fragment is no fragment (RFC 6946)
  if (view.is_fragment && !is_fragment) return;
  view.is_fragment = is_fragment;
  view.fragment_offset = field & 0xfff8;
  view.is_first_fragment = view.fragment_offset == 0 && (field & 1) != 0;
  view.is_last_fragment = view.fragment_offset != 0 && (field & 1) == 0;
  view.identification = load32(packet, offset + 4);
}

// Whether the bytes that the kernel asks for are there, and lead on to another header.
bool leads_on(ByteView packet, size_t offset, size_t end, bool is_fragment_header) {
  if (!is_fragment_header) return offset + 2 <= end;
  const bool whole = offset + kFragmentHeaderSize <= end;
  return whole || (offset + 4 <= end && (load16(packet, offset + 2) & 0xfff8) == 0);
}

// Walks the chain of extension headers up to the transport header, or up to the end of the fragment
// header of a later fragment, whose bytes belong to no header. Of a header that says how long it is
// no more needs to be there: what follows it may begin beyond the end.
void walk_extensions(ByteView packet, size_t end, PacketView& view) {
  uint8_t next_header = packet[6];
  size_t offset = kIpv6HeaderSize;
  view.next_header_offset = 6;
  while (is_extension(next_header) && !(view.is_fragment && view.fragment_offset != 0)) {
    const bool is_fragment_header = next_header == kFragment;
    const bool is_cut = is_fragment_header && offset + kFragmentHeaderSize > end;
    // One that would begin beyond the end is none (find_prev_fhdr()).
    const bool is_first = view.fragment_header_offset == 0 && offset <= end;
    if (is_cut && is_first) view.is_fragment_header_cut = true;
    if (!leads_on(packet, offset, end, is_fragment_header)) {
      view.is_chain_broken = true;
      break;
    }
    size_t size = kFragmentHeaderSize;
    if (is_fragment_header) {
      if (!is_cut) read_fragment_header(packet, offset, view);
    } else if (next_header == kAuthentication) {
      size = (size_t{packet[offset + 1]} + 2) * 4;
    } else {
      size = (size_t{packet[offset + 1]} + 1) * 8;
    }
    next_header = packet[offset];
    view.next_header_offset = static_cast<uint16_t>(offset);
    offset += size;
  }
  view.protocol = next_header;
  view.transport_offset = static_cast<uint16_t>(std::min(offset, end));
}

// `end`: of the bytes that belong to the packet.
PacketView read_v6(ByteView packet, size_t end, Completeness completeness) {
  PacketView view;
  view.family = Family::kIpv6;
  view.source = IpAddress::v6(packet.subspan<8, 16>());
  view.destination = IpAddress::v6(packet.subspan<24, 16>());
  view.ttl = packet[7];
  walk_extensions(packet, end, view);
  read_transport(packet, end, completeness, view);
  return view;
}

Parsed parse_v6(ByteView packet) {
  if (packet.size() < kIpv6HeaderSize) return tl::unexpected(ParseFailure::kTooShort);
  const size_t payload = load16(packet, 4);
  // ip6_rcv_core(): ahead of hop-by-hop options none may mean a jumbogram, and all is payload.
  const bool all = payload == 0 && packet[6] == kHopByHop;
  const size_t total_length = all ? packet.size() : kIpv6HeaderSize + payload;
  // The largest payload and the fixed header together do not fit the field; no link carries that.
  if (total_length > UINT16_MAX || total_length > packet.size()) {
    return tl::unexpected(ParseFailure::kTotalLength);
  }
  PacketView view = read_v6(packet, total_length, Completeness::kWhole);
  view.total_length = static_cast<uint16_t>(total_length);
  return view;
}

// ipv6_get_l4proto(): the length of the payload is nothing that it asks.
Parsed parse_quoted_v6(ByteView quote) {
  if (quote.size() < kIpv6HeaderSize) return tl::unexpected(ParseFailure::kTooShort);
  quote = quote.first(std::min<size_t>(quote.size(), UINT16_MAX));
  PacketView view = read_v6(quote, quote.size(), Completeness::kPortsOnly);
  if (view.is_chain_broken) return tl::unexpected(ParseFailure::kExtensionChain);
  view.is_quote = true;
  const size_t claimed = std::min<size_t>(kIpv6HeaderSize + load16(quote, 4), UINT16_MAX);
  view.total_length = std::max(static_cast<uint16_t>(claimed), view.transport_offset);
  return view;
}

// By the version that its first byte claims.
tl::expected<Family, ParseFailure> claimed_family(ByteView packet) {
  if (packet.empty()) return tl::unexpected(ParseFailure::kTooShort);
  switch (packet[0] >> 4) {
    case 4:
      return Family::kIpv4;
    case 6:
      return Family::kIpv6;
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
  const auto family = claimed_family(packet);
  if (!family) return tl::unexpected(family.error());
  return *family == Family::kIpv4 ? parse_v4(packet) : parse_v6(packet);
}

Parsed parse_quoted_packet(ByteView quote) {
  const auto family = claimed_family(quote);
  if (!family) return tl::unexpected(family.error());
  return parse_quoted_packet(quote, *family);
}

Parsed parse_quoted_packet(ByteView quote, Family family) {
  return family == Family::kIpv4 ? parse_quoted_v4(quote) : parse_quoted_v6(quote);
}

bool is_icmp_error(const PacketView& view) {
  if (!view.has_icmp) return false;
  if (view.protocol == kIcmpv6) return view.icmp_type < 128;
  // Destination unreachable, source quench, redirect, time exceeded, parameter problem.
  return view.icmp_type == 3 || view.icmp_type == 4 || view.icmp_type == 5 ||
         view.icmp_type == 11 || view.icmp_type == 12;
}

}  // namespace kubeproof
