#include "replay/explore/cut_fragments.h"

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"

namespace kubeproof::explore {
namespace {

constexpr size_t kIpv6Header = 40;
constexpr size_t kNextHeader = 6;
constexpr uint8_t kDestinationOptions = 60;
constexpr uint8_t kFragmentHeader = 44;

// One share of the datagram, which begins at `at` in it.
Bytes fragment_v4(ByteView head, ByteView share, size_t at, bool more, uint32_t identification) {
  Bytes fragment(head.begin(), head.end());
  store16(fragment, 2, static_cast<uint16_t>(head.size() + share.size()));
  store16(fragment, 4, static_cast<uint16_t>(identification));
  store16(fragment, 6, static_cast<uint16_t>(at / 8 | (more ? 0x2000 : 0)));
  store16(fragment, 10, ipv4_header_checksum(fragment));
  fragment.insert(fragment.end(), share.begin(), share.end());
  return fragment;
}

// `named_at`: the field of the head that says what follows it.
Bytes fragment_v6(ByteView head, size_t named_at, ByteView share, size_t at, bool more,
                  uint32_t identification) {
  Bytes fragment(head.begin(), head.end());
  fragment[named_at] = kFragmentHeader;
  fragment.resize(head.size() + 8);
  fragment[head.size()] = head[named_at];
  store16(fragment, head.size() + 2, static_cast<uint16_t>(at | (more ? 1 : 0)));
  store32(fragment, head.size() + 4, identification);
  fragment.insert(fragment.end(), share.begin(), share.end());
  store16(fragment, 4, static_cast<uint16_t>(fragment.size() - kIpv6Header));
  return fragment;
}

}  // namespace

std::vector<Bytes> cut_into_fragments(const Bytes& packet, size_t first, size_t rest,
                                      uint32_t identification) {
  const auto view = parse_packet(packet);
  if (!view || view->is_fragment || view->fragment_header_offset != 0) return {packet};
  const bool v4 = view->family == Family::kIpv4;
  const bool options = !v4 && packet[kNextHeader] == kDestinationOptions;
  const size_t head_size = options ? kIpv6Header : view->transport_offset;
  const size_t named_at = options ? kNextHeader : view->next_header_offset;
  const ByteView head = ByteView(packet).first(head_size);
  const ByteView body = ByteView(packet).subspan(head_size, view->total_length - head_size);
  std::vector<Bytes> fragments;
  for (size_t at = 0; at < body.size();) {
    const ByteView share = body.subspan(at, std::min(at == 0 ? first : rest, body.size() - at));
    const bool more = at + share.size() < body.size();
    fragments.push_back(v4 ? fragment_v4(head, share, at, more, identification)
                           : fragment_v6(head, named_at, share, at, more, identification));
    at += share.size();
  }
  if (fragments.empty()) return {packet};
  return fragments;
}

}  // namespace kubeproof::explore
