// One sighting of an IP packet in a capture, and how sightings of the same packet are recognised:
// by what translation and forwarding leave alone. Addresses, ports, ICMP identifiers, checksums and
// the TTL may differ; everything else in the packet must not.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "model/packet/packet_view.h"
#include "replay/capture/captured_packet.h"
#include "replay/capture/link_layer.h"

namespace kubeproof {

struct Sighting {
  ByteView packet;  // without padding
  PacketView view;
  Heading heading = Heading::kUnknown;
  bool loopback = false;
  std::optional<uint32_t> interface;
  std::chrono::nanoseconds time{};
  FramePlace place;
};

// Equal for packets that may be the same before and after translation.
uint64_t content_key(ByteView packet, const PacketView& view);

// Equal for TCP frames and the segments cut from them, and for IPv4 packets and their fragments.
// Empty for what is never cut.
std::optional<uint64_t> whole_key(ByteView packet, const PacketView& view);

// Equal for a packet and for the one that an ICMP error about it quotes.
uint64_t quote_key(const PacketView& view);

// Whether `after` may be `before`, translated. Does not look at the TTL.
bool is_same_packet(ByteView before, const PacketView& before_view, ByteView after,
                    const PacketView& after_view);

// Whether `part` may be a segment or a fragment of `whole`, translated.
bool is_part_of(ByteView part, const PacketView& part_view, ByteView whole,
                const PacketView& whole_view);

// Whether `quote`, from an ICMP error, may be the beginning of `packet`, untranslated.
bool is_quote_of(ByteView quote, const PacketView& quote_view, ByteView packet,
                 const PacketView& view);

}  // namespace kubeproof
