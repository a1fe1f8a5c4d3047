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

// A day has so many milliseconds.
bool is_time(ByteView seen, const ClockField& clock) {
  constexpr uint32_t kDay = 86'400'000;
  return clock.packet_offset + size_t{4} <= seen.size() && load32(seen, clock.packet_offset) < kDay;
}

bool is_masked(const PermittedEmission& permitted) {
  return permitted.free_port || permitted.free_identification || permitted.free_dont_fragment ||
         permitted.free_quoted_identification || !permitted.clocks.empty();
}

void mask_header(const PermittedEmission& permitted, ByteView seen, Bytes& packet) {
  constexpr uint8_t kDontFragment = 0x40;
  if (packet.size() < 20 || seen.size() < 20 || packet[0] >> 4 != 4) return;
  if (permitted.free_identification) change_ipv4_header(packet, 4, seen.subspan(4, 2));
  if (permitted.free_dont_fragment) {
    const uint8_t flags[] = {
        static_cast<uint8_t>((packet[6] & ~kDontFragment) | (seen[6] & kDontFragment))};
    change_ipv4_header(packet, 6, flags);
  }
}

// In the packet's own header, or in that of a packet which its ICMP message quotes.
void mask_clock(const ClockField& clock, ByteView seen, Bytes& packet) {
  const ByteView time = seen.subspan(clock.packet_offset, 4);
  const size_t transport = size_t{packet[0] & 0xfU} * 4;
  const size_t header = clock.packet_offset < transport ? 0 : transport + kIcmpHeaderSize;
  if (clock.in_header_checksum) {
    change_ipv4_header(MutableByteView(packet).subspan(header), clock.packet_offset - header, time);
  } else {
    std::copy(time.begin(), time.end(), packet.begin() + clock.packet_offset);
  }
  if (header == 0) return;
  store16(packet, transport + 2, 0);
  store16(packet, transport + 2,
          static_cast<uint16_t>(~ones_complement_sum(ByteView(packet).subspan(transport))));
}

void mask_quoted_identification(size_t at, ByteView seen, Bytes& packet) {
  const auto view = parse_packet(packet);
  if (!view || at + 4 > packet.size() || at + 4 > seen.size()) return;
  const size_t checksum = view->transport_offset + size_t{2};
  const uint32_t identification = load32(seen, at);
  store16(packet, checksum,
          update_checksum32(load16(packet, checksum), load32(packet, at), identification));
  store32(packet, at, identification);
}

}  // namespace

bool is_icmp_error_packet(ByteView packet) {
  const auto view = parse_packet(packet);
  return view && is_icmp_error(*view);
}

void fill_masked(const PermittedEmission& permitted, ByteView seen, Bytes& packet) {
  packet.assign(permitted.packet.begin(), permitted.packet.end());
  mask_header(permitted, seen, packet);
  if (permitted.free_quoted_identification) {
    mask_quoted_identification(*permitted.free_quoted_identification, seen, packet);
  }
  for (const ClockField& clock : permitted.clocks) {
    if (is_time(seen, clock) && packet.size() == seen.size()) mask_clock(clock, seen, packet);
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
  if (!is_masked(permitted)) return bytes_equal(permitted.packet, seen);
  if (permitted.free_port) {
    const FreePort& free = *permitted.free_port;
    if (free.packet_offset + size_t{2} > seen.size()) return false;
    const uint16_t observed = load16(seen, free.packet_offset);
    if (observed < free.first || observed > free.last) return false;
    port = observed;
  }
  const bool times = std::all_of(permitted.clocks.begin(), permitted.clocks.end(),
                                 [&](const ClockField& clock) { return is_time(seen, clock); });
  if (!times) return false;
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
