#include "replay/compare/match.h"

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"
#include "replay/engine/free_port.h"

namespace kubeproof {
namespace {

bool bytes_equal(ByteView a, ByteView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

bool is_visible(const PermittedEmission& emission, Visibility visibility) {
  return visibility == Visibility::kEverything || !emission.place.is_sockets();
}

bool in_place(const Seen& seen, const PermittedEmission& permitted) {
  return !seen.place || *seen.place == permitted.place;
}

}  // namespace

bool is_icmp_error_packet(ByteView packet) {
  const auto view = parse_packet(packet);
  return view && is_icmp_error(*view);
}

void fill_masked(const PermittedEmission& permitted, ByteView seen, Bytes& packet) {
  packet.assign(permitted.packet.begin(), permitted.packet.end());
  const bool masks_header = permitted.free_identification || permitted.free_dont_fragment;
  if (masks_header && packet.size() >= 20 && seen.size() >= 20 && packet[0] >> 4 == 4) {
    constexpr uint8_t kDontFragment = 0x40;
    if (permitted.free_identification) store16(packet, 4, load16(seen, 4));
    if (permitted.free_dont_fragment) {
      packet[6] = static_cast<uint8_t>((packet[6] & ~kDontFragment) | (seen[6] & kDontFragment));
    }
    store16(packet, 10, ipv4_header_checksum(packet));
  }
  if (!permitted.free_port) return;
  const size_t at = permitted.free_port->packet_offset;
  if (at + 2 <= packet.size() && at + 2 <= seen.size()) {
    substitute_port(packet, at, load16(seen, at));
  }
}

bool Matcher::equal(const PermittedEmission& permitted, ByteView seen,
                    std::optional<uint16_t>& port) {
  port.reset();
  if (permitted.packet.size() != seen.size()) return false;
  if (!permitted.free_port && !permitted.free_identification && !permitted.free_dont_fragment) {
    return bytes_equal(permitted.packet, seen);
  }
  if (permitted.free_port) {
    const FreePort& free = *permitted.free_port;
    if (free.packet_offset + size_t{2} > seen.size()) return false;
    const uint16_t observed = load16(seen, free.packet_offset);
    if (observed < free.first || observed > free.last) return false;
    port = observed;
  }
  fill_masked(permitted, seen, expected_);
  return bytes_equal(expected_, seen);
}

bool Matcher::match_outcome(std::span<const Seen> seen, const Outcome& outcome,
                            Visibility visibility, OutcomeMatch& result) {
  result.ports.assign(outcome.emissions.size(), std::nullopt);
  taken_.assign(seen.size(), false);
  size_t found = 0;
  for (size_t i = 0; i < outcome.emissions.size(); ++i) {
    const PermittedEmission& permitted = outcome.emissions[i];
    if (!is_visible(permitted, visibility)) continue;
    size_t candidate = 0;
    while (candidate < seen.size() &&
           (taken_[candidate] || !in_place(seen[candidate], permitted) ||
            !equal(permitted, seen[candidate].packet, result.ports[i]))) {
      ++candidate;
    }
    if (candidate == seen.size()) return false;
    taken_[candidate] = true;
    ++found;
  }
  return found == seen.size();
}

std::span<const OutcomeMatch> Matcher::match(std::span<const Seen> seen,
                                             std::span<const Outcome> outcomes,
                                             Visibility visibility) {
  size_t count = 0;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    if (count == matches_.size()) matches_.emplace_back();
    if (outcomes[i].undecided) continue;
    if (!match_outcome(seen, outcomes[i], visibility, matches_[count])) continue;
    matches_[count++].outcome = i;
  }
  return {matches_.data(), count};
}

}  // namespace kubeproof
