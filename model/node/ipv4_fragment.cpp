// Cutting an IPv4 packet for a smaller link (net/ipv4/ip_output.c ip_do_fragment(), ip_options.c
// ip_options_fragment()).
#include <algorithm>

#include "model/node/ip_header.h"
#include "model/node/ip_stack.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

// Options that are not to be copied become no-operations, so that the header keeps its length.
void blank_uncopied_options(MutableByteView header) {
  constexpr uint8_t kEnd = 0, kNoOperation = 1, kCopied = 0x80;
  for (size_t at = kIpv4HeaderSize; at < header.size() && header[at] != kEnd;) {
    if (header[at] == kNoOperation) {
      ++at;
      continue;
    }
    if (at + 1 >= header.size() || header[at + 1] < 2 || header[at + 1] > header.size() - at) {
      return;
    }
    const size_t size = header[at + 1];
    if ((header[at] & kCopied) == 0) std::fill_n(header.begin() + at, size, kNoOperation);
    at += size;
  }
}

}  // namespace

void IpStack::put_together_again(MutableByteView ipv4_packet) {
  constexpr uint8_t kReservedFlag = 0x80;
  ipv4_packet[6] &= static_cast<uint8_t>(~kReservedFlag);
  store16(ipv4_packet, 10, ipv4_header_checksum(ipv4_packet));
}

std::vector<Bytes> fragment_ipv4(ByteView packet, uint32_t mtu) {
  constexpr uint16_t kMoreFragments = 0x2000, kOffsetMask = 0x1fff;
  const size_t header_size = ipv4_header_size(packet);
  if (mtu < header_size + 8) return {};
  const size_t room = (mtu - header_size) & ~size_t{7};
  const uint16_t original = load16(packet, 6);

  std::vector<Bytes> pieces;
  for (size_t at = header_size; at < packet.size();) {
    const size_t left = packet.size() - at;
    const size_t size = left > mtu - header_size ? room : left;
    const bool more = size < left || (original & kMoreFragments) != 0;

    Bytes piece(packet.begin(), packet.begin() + static_cast<ptrdiff_t>(header_size));
    if (!pieces.empty()) blank_uncopied_options(piece);
    piece.insert(piece.end(), packet.begin() + static_cast<ptrdiff_t>(at),
                 packet.begin() + static_cast<ptrdiff_t>(at + size));
    const size_t offset = (original & kOffsetMask) + (at - header_size) / 8;
    store16(piece, 2, static_cast<uint16_t>(piece.size()));
    store16(piece, 6, static_cast<uint16_t>(offset | (more ? kMoreFragments : 0)));
    store16(piece, 10, 0);
    store16(piece, 10, ipv4_header_checksum(piece));
    pieces.push_back(std::move(piece));
    at += size;
  }
  return pieces;
}

}  // namespace kubeproof
