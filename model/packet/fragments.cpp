#include "model/packet/fragments.h"

#include <algorithm>

#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr size_t kIpv6Header = 40;
constexpr uint8_t kFragmentHeader = 44;

// One share of what follows the head, which begins at `at` in it.
Bytes fragment_v4(ByteView head, ByteView share, size_t at, bool more, const FragmentCut& cut) {
  Bytes fragment(head.begin(), head.end());
  store16(fragment, 2, static_cast<uint16_t>(head.size() + share.size()));
  store16(fragment, 4, static_cast<uint16_t>(cut.identification));
  store16(fragment, 6, static_cast<uint16_t>(at / 8 | (more ? 0x2000 : 0)));
  store16(fragment, 10, ipv4_header_checksum(fragment));
  fragment.insert(fragment.end(), share.begin(), share.end());
  return fragment;
}

Bytes fragment_v6(ByteView head, ByteView share, size_t at, bool more, const FragmentCut& cut) {
  Bytes fragment(head.begin(), head.end());
  fragment[cut.named_at] = kFragmentHeader;
  fragment.resize(head.size() + 8);
  fragment[head.size()] = head[cut.named_at];
  store16(fragment, head.size() + 2, static_cast<uint16_t>(at | (more ? 1 : 0)));
  store32(fragment, head.size() + 4, cut.identification);
  fragment.insert(fragment.end(), share.begin(), share.end());
  store16(fragment, 4, static_cast<uint16_t>(fragment.size() - kIpv6Header));
  return fragment;
}

}  // namespace

std::vector<Bytes> cut_into_fragments(ByteView packet, const FragmentCut& cut) {
  const bool v4 = packet[0] >> 4 == 4;
  const ByteView head = packet.first(cut.head);
  const ByteView body = packet.subspan(cut.head);
  std::vector<Bytes> fragments;
  for (size_t at = 0; at < body.size();) {
    const size_t room = at == 0 ? cut.first : cut.rest;
    const ByteView share = body.subspan(at, std::min(room, body.size() - at));
    const bool more = at + share.size() < body.size();
    fragments.push_back((v4 ? fragment_v4 : fragment_v6)(head, share, at, more, cut));
    at += share.size();
  }
  return fragments;
}

}  // namespace kubeproof
