// Checksums of IP and of the transports above it: computing, judging, repairing, and updating them
// after a word changed (RFC 1071, RFC 1624; crc32c.h for SCTP).
#pragma once

#include <cstdint>
#include <optional>

#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

// Sum of 16-bit big-endian words with the carries folded in; an odd last byte counts as the high
// half of a word.
uint16_t ones_complement_sum(ByteView bytes, uint16_t initial = 0);

// Sum of the pseudo header of TCP, UDP and ICMPv6, folded and not complemented, which is also what
// stands in the checksum field of a packet whose checksum was left to the network card. As
// netfilter, takes the destination from the IPv6 header and never from a routing header.
uint16_t pseudo_header_sum(const PacketView& view, uint32_t transport_length);

// The checksum that the IPv4 header should carry, whatever it carries now.
uint16_t ipv4_header_checksum(ByteView packet);

// The checksum that the transport header of a whole packet should carry: 16 bits for TCP, UDP, ICMP
// and ICMPv6; 32 bits, in the byte order of load32(), for SCTP. UDP's is never zero. Empty for
// other protocols, fragments, and a transport header that is cut short.
std::optional<uint32_t> transport_checksum(ByteView packet, const PacketView& view);

// Where the transport's checksum stands, from the start of the packet. Empty for other protocols.
std::optional<size_t> transport_checksum_offset(const PacketView& view);

// The checksum after one word that it covers changed (RFC 1624, equation 3).
uint16_t update_checksum(uint16_t checksum, uint16_t from, uint16_t to);
uint16_t update_checksum32(uint16_t checksum, uint32_t from, uint32_t to);
// The same for an IP address, of either family.
uint16_t update_checksum(uint16_t checksum, const IpAddress& from, const IpAddress& to);

// Overwrites bytes of an IPv4 header and changes its checksum as much as their sum: a wrong one
// stays as wrong as it was.
void change_ipv4_header(MutableByteView packet, size_t at, ByteView bytes);

// Puts the right checksums into the IPv4 header and the transport header. A fragment's transport
// checksum and the packet quoted by an ICMP error stay as they are, and so does an IPv4 UDP
// checksum of zero, which says that there is none.
void fix_checksums(MutableByteView packet);

// Whether the transport checksum was left to offload: TCP and UDP carry the sum of the pseudo
// header, SCTP carries zero.
bool has_partial_checksum(ByteView packet, const PacketView& view);

// Whether netfilter would take the transport checksum for valid (net/netfilter/utils.c
// nf_checksum()): it sums all that follows the IP headers, whatever a UDP length says and whether
// or not the protocol has such a checksum.
bool passes_nf_checksum(ByteView packet, const PacketView& view);

enum class ChecksumState : uint8_t {
  kNone,          // nothing there to judge: IPv6 header, no quoted packet, another protocol
  kRight,         //
  kWrong,         //
  kAbsent,        // UDP without a checksum
  kNotJudgeable,  // a fragment, a quote cut short, a transport header cut short
};

struct ChecksumReport {
  ChecksumState ip_header = ChecksumState::kNone;
  ChecksumState transport = ChecksumState::kNone;
  ChecksumState quoted_ip_header = ChecksumState::kNone;
  ChecksumState quoted_transport = ChecksumState::kNone;

  friend bool operator==(const ChecksumReport&, const ChecksumReport&) = default;
};

// Recomputes every checksum of the packet from its bytes alone. Bytes that are not a packet have
// none.
ChecksumReport check_checksums(ByteView packet);
ChecksumReport check_checksums(ByteView packet, const PacketView& view);

}  // namespace kubeproof
