#include "model/netfilter/nat_rewrite.h"

#include "model/netfilter/nat_binding.h"
#include "model/packet/checksum.h"
#include "model/packet/translate.h"

namespace kubeproof::netfilter {
namespace {

void rewrite(MutableByteView packet, PacketView& view, Manipulation manipulation,
             const FlowTuple& to) {
  if (manipulation == Manipulation::kSource) {
    rewrite_source(packet, view, to.source_endpoint());
  } else {
    rewrite_destination(packet, view, to.destination_endpoint());
  }
}

bool translates(const Connection& connection, Direction direction, Manipulation manipulation) {
  const bool source_bit =
      (manipulation == Manipulation::kSource) == (direction == Direction::kOriginal);
  return source_bit ? connection.source_nat : connection.destination_nat;
}

Manipulation opposite(Manipulation manipulation) {
  return manipulation == Manipulation::kSource ? Manipulation::kDestination : Manipulation::kSource;
}

constexpr uint8_t kIcmpRedirect = 5;

// nf_nat_proto.c: of a transport header that has something to change more must be there than the
// ports alone, which tell whose packet it is.
bool is_writable(ByteView quote, const PacketView& quoted) {
  constexpr size_t kLeast = 8;
  return !quoted.has_ports || quote.size() >= quoted.transport_offset + kLeast;
}

// nf_ip_checksum(), nf_ip6_checksum(): asked about every error, a process of the node's own, too.
bool sum_is_right(ByteView packet, const PacketView& view) {
  const ByteView message = packet.first(view.total_length).subspan(view.transport_offset);
  const uint16_t initial = view.protocol == kIcmp
                               ? uint16_t{0}
                               : pseudo_header_sum(view, static_cast<uint32_t>(message.size()));
  return ones_complement_sum(message, initial) == 0xffff;
}

// Where PREROUTING made SCTP's checksum anew, nothing counts as verified any more
// (sctp_manip_pkt()), and INPUT sums the packet again: all of it, since an IP header adds nothing
// to a sum (__skb_checksum_complete()), unless the stack has written into its options meanwhile.
bool passes_in_input(ByteView packet, const PacketView& view, const Connection& connection,
                     Direction direction) {
  constexpr size_t kSctpHeader = 12;
  if (view.family != Family::kIpv4 ||
      !translates(connection, direction, Manipulation::kDestination)) {
    return true;
  }
  const ByteView quote =
      packet.first(view.total_length).subspan(view.transport_offset + kIcmpHeaderSize);
  const auto quoted = parse_quoted_packet(quote, view.family);
  const bool made_anew =
      quoted && quoted->protocol == kSctp && quote.size() >= quoted->transport_offset + kSctpHeader;
  return !made_anew || ones_complement_sum(packet.first(view.total_length)) == 0xffff;
}

}  // namespace

void translate(MutableByteView packet, PacketView& view, const Connection& connection,
               Direction direction, Hook hook) {
  const Manipulation manipulation = manipulation_at(hook);
  if (!translates(connection, direction, manipulation)) return;
  rewrite(packet, view, manipulation, connection.tuple(netfilter::opposite(direction)).inverse());
}

bool translate_icmp_error(MutableByteView packet, PacketView& view, const Connection& connection,
                          Direction direction, Hook hook) {
  if (!sum_is_right(packet, view)) return false;
  if (hook == Hook::kInput && !passes_in_input(packet, view, connection, direction)) return false;
  if (view.protocol == kIcmp && view.icmp_type == kIcmpRedirect) {
    const bool decided = connection.source_nat_done && connection.destination_nat_done;
    if (!decided || connection.source_nat || connection.destination_nat) return false;
  }
  const Manipulation manipulation = manipulation_at(hook);
  if (!translates(connection, direction, manipulation)) return true;

  // The quoted packet went the other way, and so its other half is what changes.
  const FlowTuple& other = connection.tuple(netfilter::opposite(direction));
  const MutableByteView quote = packet.subspan(view.transport_offset + kIcmpHeaderSize);
  auto quoted = parse_quoted_packet(quote, view.family);
  if (!quoted || !is_writable(quote, *quoted)) return false;
  rewrite(quote, *quoted, opposite(manipulation), other);
  if (const auto checksum = transport_checksum(packet, view)) {
    store16(packet, view.transport_offset + size_t{2}, static_cast<uint16_t>(*checksum));
  }
  rewrite(packet, view, manipulation, other.inverse());
  return true;
}

}  // namespace kubeproof::netfilter
