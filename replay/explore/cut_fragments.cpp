#include "replay/explore/cut_fragments.h"

#include "model/packet/fragments.h"
#include "model/packet/packet_view.h"

namespace kubeproof::explore {
namespace {

constexpr size_t kIpv6Header = 40;
constexpr size_t kNextHeader = 6;
constexpr uint8_t kDestinationOptions = 60;

}  // namespace

std::vector<Bytes> cut_into_fragments(const Bytes& packet, size_t first, size_t rest,
                                      uint32_t identification) {
  const auto view = parse_packet(packet);
  if (!view || view->is_fragment || view->fragment_header_offset != 0) return {packet};
  const bool options = view->family == Family::kIpv6 && packet[kNextHeader] == kDestinationOptions;
  auto fragments =
      kubeproof::cut_into_fragments(ByteView(packet).first(view->total_length),
                                    {.head = options ? kIpv6Header : view->transport_offset,
                                     .named_at = options ? kNextHeader : view->next_header_offset,
                                     .first = first,
                                     .rest = rest,
                                     .identification = identification});
  if (fragments.empty()) return {packet};
  return fragments;
}

}  // namespace kubeproof::explore
