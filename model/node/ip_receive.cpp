// The stack's first look at a packet, before PREROUTING: is it one at all?
#include "model/node/hop_by_hop_options.h"
#include "model/node/ip_header.h"
#include "model/node/ip_stack.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

tl::unexpected<StackFailure> fail(StackDrop drop) {
  return tl::unexpected(StackFailure{drop, std::nullopt});
}

StackResult<size_t> receive_ipv4(ByteView packet) {
  if (packet.size() < kIpv4HeaderSize) return fail(StackDrop::kTooShort);
  const size_t header_size = ipv4_header_size(packet);
  if (header_size < kIpv4HeaderSize) return fail(StackDrop::kHeaderLength);
  if (packet.size() < header_size) return fail(StackDrop::kTooShort);
  if (ones_complement_sum(packet.first(header_size)) != 0xffff) {
    return fail(StackDrop::kHeaderChecksum);
  }
  const size_t length = load16(packet, 2);
  if (length > packet.size() || length < header_size) return fail(StackDrop::kTotalLength);
  return length;
}

// Addresses that may not be on the wire. Everything else about IPv6 addresses waits for routing.
std::optional<StackDrop> martian(ByteView packet, const Interface& in, bool from_here) {
  const bool loopback = in.kind == InterfaceKind::kLoopback;
  const IpAddress source = source_of(packet);
  const IpAddress destination = destination_of(packet);
  if (source.is_multicast()) return StackDrop::kMartianSource;
  if (!loopback && source.is_loopback()) return StackDrop::kMartianSource;
  if (!loopback && destination.is_loopback()) return StackDrop::kMartianDestination;
  if (destination.is_multicast()) {
    // Scope 0 is reserved, and scope 1 stays on the node.
    const int scope = destination.bytes()[1] & 0xf;
    const bool stayed = loopback || from_here;
    if (scope == 0 || (scope == 1 && !stayed)) return StackDrop::kMartianDestination;
  }
  return std::nullopt;
}

StackResult<size_t> receive_ipv6(ByteView packet, const Interface& in, bool from_here) {
  if (packet.size() < kIpv6HeaderSize) return fail(StackDrop::kTooShort);
  if (auto drop = martian(packet, in, from_here)) return fail(*drop);
  const bool hop_by_hop = packet[6] == 0;
  const size_t payload = load16(packet, 4);
  // No payload length may mean a jumbogram, whose option the next check refuses.
  const size_t length = payload == 0 && hop_by_hop ? packet.size() : kIpv6HeaderSize + payload;
  if (length > packet.size()) return fail(StackDrop::kTotalLength);
  if (hop_by_hop) {
    if (auto refusal = refuse_hop_by_hop_options(packet.first(length))) {
      return tl::unexpected(*refusal);
    }
  }
  return length;
}

}  // namespace

StackResult<size_t> IpStack::receive(ByteView packet, const Interface& in, bool from_here) const {
  if (packet.empty()) return fail(StackDrop::kTooShort);
  switch (packet[0] >> 4) {
    case 4:
      return receive_ipv4(packet);
    case 6:
      return receive_ipv6(packet, in, from_here);
    default:
      return fail(StackDrop::kVersion);
  }
}

}  // namespace kubeproof
