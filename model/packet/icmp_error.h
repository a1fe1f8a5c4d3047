// The ICMP or ICMPv6 error that a Linux node makes about an offending packet, byte for byte, and
// when it makes none (net/ipv4/icmp.c __icmp_send(), net/ipv6/icmp.c icmp6_send(), RFC 1122, RFC
// 4443). Held to the running kernel by tests/unit/packet/icmp_error_kernel_test.cpp.
#pragma once

#include <cstdint>
#include <optional>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

struct IcmpError {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t info = 0;  // the second word of the header: next-hop MTU, pointer, or unused

  static IcmpError network_unreachable(
      Family family);                                // no route; in IPv6 "no route to destination"
  static IcmpError host_unreachable(Family family);  // in IPv6 "address unreachable"
  static IcmpError port_unreachable(Family family);
  static IcmpError administratively_prohibited(Family family);
  static IcmpError time_exceeded(Family family);                 // in transit
  static IcmpError packet_too_big(Family family, uint32_t mtu);  // in IPv4 "fragmentation needed"
};

// The error from `source` about `offending`, which starts at the network header and is as it stood
// when the error was made (TTL included). Empty where the kernel sends none: errors about errors,
// later fragments in IPv4, destinations that no one host has (the broadcast address of a network is
// for the caller to know), and sources of that kind in IPv6. Its IPv4 identification is zero.
// `options`: of its IPv4 header, in whole words.
std::optional<Bytes> make_icmp_error(ByteView offending, const IcmpError& error,
                                     const IpAddress& source, ByteView options = {});

// What REJECT demands of a packet before it makes an error: a right transport checksum where
// netfilter verifies it, and no later fragment (nf_send_unreach(), nf_send_unreach6()).
// `unverified`: nobody has looked at its checksum yet; what is summed then is all of it, since a
// right IPv4 header adds nothing (__skb_checksum_complete()).
bool reject_answers(ByteView offending, bool unverified = false);

}  // namespace kubeproof
