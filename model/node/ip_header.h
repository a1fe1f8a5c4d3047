// The fixed part of both IP headers, for code that follows the stack and so cannot ask for a packet
// that parses. The caller has checked that the fixed part is there.
#pragma once

#include "model/packet/address.h"
#include "model/packet/bytes.h"

namespace kubeproof {

inline constexpr size_t kIpv4HeaderSize = 20;
inline constexpr size_t kIpv6HeaderSize = 40;

inline Family family_of(ByteView packet) {
  return packet[0] >> 4 == 6 ? Family::kIpv6 : Family::kIpv4;
}

inline size_t ipv4_header_size(ByteView packet) {
  return size_t{packet[0] & 0xfU} * 4;
}

inline IpAddress address_at(ByteView packet, Family family, size_t at) {
  return family == Family::kIpv4
             ? IpAddress::v4(std::span<const uint8_t, 4>(packet.subspan(at, 4)))
             : IpAddress::v6(std::span<const uint8_t, 16>(packet.subspan(at, 16)));
}

inline IpAddress source_of(ByteView packet) {
  const Family family = family_of(packet);
  return address_at(packet, family, family == Family::kIpv4 ? 12 : 8);
}

inline IpAddress destination_of(ByteView packet) {
  const Family family = family_of(packet);
  return address_at(packet, family, family == Family::kIpv4 ? 16 : 24);
}

// TTL or hop limit.
inline size_t ttl_offset(ByteView packet) {
  return family_of(packet) == Family::kIpv4 ? 8 : 7;
}

inline bool dont_fragment(ByteView ipv4_packet) {
  return (ipv4_packet[6] & 0x40) != 0;
}

}  // namespace kubeproof
