#include "model/packet/icmp_error.h"

#include <algorithm>
#include <array>

#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr size_t kIpv4Limit = 576;   // RFC 1812 section 4.3.2.3
constexpr size_t kIpv6Limit = 1280;  // the minimum MTU, RFC 4443 section 2.4
constexpr uint8_t kDefaultTtl = 64;

// ICMP types below 19 about which an error may be made: the queries and their replies. Unknown
// types count as errors.
bool icmp_type_is_error(uint8_t type) {
  constexpr std::array<uint8_t, 8> kHarmless = {0, 8, 13, 14, 15, 16, 17, 18};
  return std::find(kHarmless.begin(), kHarmless.end(), type) == kHarmless.end();
}

bool is_about_an_error(ByteView packet, const PacketView& view) {
  const bool later_fragment = view.is_fragment && view.fragment_offset != 0;
  if (view.family == Family::kIpv4 && view.protocol == kIcmp) {
    return view.transport_offset >= view.total_length ||
           icmp_type_is_error(packet[view.transport_offset]);
  }
  if (view.family == Family::kIpv6 && view.protocol == kIcmpv6 && !later_fragment) {
    if (view.is_chain_broken) return false;
    if (view.transport_offset >= view.total_length) return !view.is_fragment;
    return packet[view.transport_offset] < 128;
  }
  return false;
}

// RFC 4443, section 2.4 (e.3): path MTU discovery for groups, and options that ask for an answer.
bool may_concern_a_group(ByteView packet, const IcmpError& error) {
  constexpr uint8_t kPacketTooBig = 2, kParameterProblem = 4, kUnknownOption = 2;
  if (error.type == kPacketTooBig) return true;
  return error.type == kParameterProblem && error.code == kUnknownOption &&
         error.info < packet.size() && packet[error.info] >> 6 == 2;
}

bool is_suppressed(ByteView packet, const PacketView& view, const IcmpError& error) {
  if (is_about_an_error(packet, view)) return true;
  if (view.family == Family::kIpv4) {
    // Of a source that nobody has, routing takes care as a packet comes in; one that NAT made is
    // answered.
    return view.destination.is_multicast() || view.destination.is_limited_broadcast() ||
           (view.is_fragment && view.fragment_offset != 0);
  }
  if (view.source.is_multicast() || view.source.is_unspecified()) return true;
  return view.destination.is_multicast() && !may_concern_a_group(packet, error);
}

void put_icmp_header(MutableByteView header, const IcmpError& error) {
  header[0] = error.type;
  header[1] = error.code;
  store32(header, 4, error.info);
}

Bytes make_v4(ByteView offending, const PacketView& view, const IcmpError& error,
              const IpAddress& source, ByteView options) {
  constexpr uint8_t kInternetControl = 0xc0;
  constexpr uint8_t kTosMask = 0x1e;  // RT_TOS()
  const size_t header = 20 + options.size();
  const size_t quote = std::min(offending.size(), kIpv4Limit - header - kIcmpHeaderSize);
  Bytes packet(header + kIcmpHeaderSize + quote);
  packet[0] = static_cast<uint8_t>(0x40 | header / 4);
  packet[1] = kInternetControl | (offending[1] & kTosMask);
  store16(packet, 2, static_cast<uint16_t>(packet.size()));
  packet[8] = kDefaultTtl;
  packet[9] = kIcmp;
  std::copy_n(source.bytes().begin(), 4, packet.begin() + 12);
  std::copy_n(view.source.bytes().begin(), 4, packet.begin() + 16);
  std::copy(options.begin(), options.end(), packet.begin() + 20);
  const auto message = packet.begin() + static_cast<ptrdiff_t>(header);
  put_icmp_header(MutableByteView(message, packet.end()), error);
  std::copy_n(offending.begin(), quote, message + kIcmpHeaderSize);
  return packet;
}

Bytes make_v6(ByteView offending, const PacketView& view, const IcmpError& error,
              const IpAddress& source) {
  const size_t quote = std::min(offending.size(), kIpv6Limit - 40 - kIcmpHeaderSize);
  Bytes packet(40 + kIcmpHeaderSize + quote);
  packet[0] = 0x60;
  store16(packet, 4, static_cast<uint16_t>(kIcmpHeaderSize + quote));
  packet[6] = kIcmpv6;
  packet[7] = kDefaultTtl;
  std::copy_n(source.bytes().begin(), 16, packet.begin() + 8);
  std::copy_n(view.source.bytes().begin(), 16, packet.begin() + 24);
  put_icmp_header(MutableByteView(packet).subspan(40), error);
  std::copy_n(offending.begin(), quote, packet.begin() + 40 + kIcmpHeaderSize);
  return packet;
}

// Protocols that have no checksum over all of their payload (nf_reject_verify_csum()).
bool reject_verifies(uint8_t protocol) {
  constexpr std::array<uint8_t, 6> kExempt = {33, 47, 50, 51, kSctp, 136};  // DCCP … UDP-Lite
  return std::find(kExempt.begin(), kExempt.end(), protocol) == kExempt.end();
}

}  // namespace

IcmpError IcmpError::network_unreachable(Family family) {
  return family == Family::kIpv4 ? IcmpError{3, 0} : IcmpError{1, 0};
}

IcmpError IcmpError::host_unreachable(Family family) {
  return family == Family::kIpv4 ? IcmpError{3, 1} : IcmpError{1, 3};
}

IcmpError IcmpError::port_unreachable(Family family) {
  return family == Family::kIpv4 ? IcmpError{3, 3} : IcmpError{1, 4};
}

IcmpError IcmpError::administratively_prohibited(Family family) {
  return family == Family::kIpv4 ? IcmpError{3, 13} : IcmpError{1, 1};
}

IcmpError IcmpError::time_exceeded(Family family) {
  return family == Family::kIpv4 ? IcmpError{11, 0} : IcmpError{3, 0};
}

IcmpError IcmpError::packet_too_big(Family family, uint32_t mtu) {
  return family == Family::kIpv4 ? IcmpError{3, 4, mtu & 0xffff} : IcmpError{2, 0, mtu};
}

std::optional<Bytes> make_icmp_error(ByteView offending, const IcmpError& error,
                                     const IpAddress& source, ByteView options) {
  const auto view = parse_packet(offending);
  if (!view || is_suppressed(offending, *view, error)) return std::nullopt;
  offending = offending.first(view->total_length);
  Bytes packet = view->family == Family::kIpv4 ? make_v4(offending, *view, error, source, options)
                                               : make_v6(offending, *view, error, source);
  fix_checksums(packet);
  return packet;
}

bool reject_answers(ByteView offending, bool unverified) {
  const auto view = parse_packet(offending);
  if (!view || (view->is_fragment && view->fragment_offset != 0)) return false;
  // reject6_csum_ok()
  const bool has_transport = !view->is_chain_broken && view->transport_offset < view->total_length;
  if (view->family == Family::kIpv6 && !has_transport) return false;
  if (!reject_verifies(view->protocol)) return true;
  if (view->protocol == kUdp && view->has_ports &&
      load16(offending, view->transport_offset + size_t{6}) == 0) {
    return true;
  }
  if (unverified && check_checksums(offending, *view).ip_header == ChecksumState::kWrong) {
    return false;
  }
  return passes_nf_checksum(offending, *view);
}

}  // namespace kubeproof
