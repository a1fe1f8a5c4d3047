#include "model/netfilter/fragment.h"

namespace kubeproof::netfilter {
namespace {

constexpr size_t kFragmentHeaderSize = 8;

size_t smallest_transport(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return 20;
    case kUdp:
    case kIcmpv6:
      return 8;
    default:
      return 1;
  }
}

Fragment fragment_v4(ByteView packet, const PacketView& view) {
  return {.packet = packet,
          .payload = packet.subspan(view.transport_offset),
          .offset = view.fragment_offset,
          .identification = view.identification,
          .more = (packet[6] & 0x20) != 0,
          .dont_fragment = view.dont_fragment,
          .congestion = static_cast<uint8_t>(packet[1] & 3)};
}

Fragment fragment_v6(ByteView packet, const PacketView& view) {
  const size_t at = view.fragment_header_offset;
  const uint16_t field = load16(packet, at + 2);
  return {.packet = packet,
          .payload = packet.subspan(at + kFragmentHeaderSize),
          .offset = field & uint32_t{0xfff8},
          .identification = load32(packet, at + 4),
          .more = (field & 1) != 0,
          .congestion = static_cast<uint8_t>(packet[1] >> 4 & 3)};
}

}  // namespace

std::optional<Fragment> Fragment::of(ByteView packet, const PacketView& view) {
  if (view.family == Family::kIpv4) {
    if (!view.is_fragment) return std::nullopt;
    return fragment_v4(packet, view);
  }
  if (view.fragment_header_offset == 0 || load16(packet, 4) == 0) return std::nullopt;
  const Fragment fragment = fragment_v6(packet, view);
  if (fragment.offset == 0 && !view.is_chain_broken &&
      packet.size() - view.transport_offset < smallest_transport(view.protocol)) {
    return std::nullopt;
  }
  return fragment;
}

Bytes Fragment::header(const PacketView& view) const {
  const bool v4 = view.family == Family::kIpv4;
  const uint16_t size = v4 ? view.transport_offset : view.fragment_header_offset;
  Bytes header(packet.begin(), packet.begin() + size);
  if (!v4) header[view.fragment_header_named_at] = packet[view.fragment_header_offset];
  return header;
}

}  // namespace kubeproof::netfilter
