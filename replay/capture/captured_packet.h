// One packet of a capture after import: sightings of the same packet merged, offloaded segments
// cut, partial checksums completed.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/node/world.h"
#include "model/packet/bytes.h"

namespace kubeproof {

// Where something stands in the captures that are imported together.
struct FramePlace {
  uint32_t file = 0;   // position in the list of files, from 0
  uint64_t frame = 0;  // number in its file, from 1, as Wireshark counts

  friend auto operator<=>(const FramePlace&, const FramePlace&) = default;
};

// The most that every engine takes (replay/engine/test_run.h): longer segments of TCP, as jumbo
// frames carry them, are cut as offloaded ones are.
inline constexpr uint32_t kLongestPacket = 3500;

struct CapturedPacket {
  std::chrono::nanoseconds time{};  // since the epoch, as captured
  FramePlace place;                 // of its first sighting
  Bytes packet;                     // as it entered the node, from the network header to its end
  Ingress ingress;

  // What the captured node was seen to send for it. `interface` is the interface where the capture
  // tells it (cooked v2) and the world is that of the captured node, else empty.
  struct Departure {
    std::optional<uint32_t> interface;
    Bytes packet;
    FramePlace place;
    // An ICMP error of the node itself about the packet: a rejection, a router's duty, or the
    // answer of the stack to a datagram that it delivered to a closed port.
    bool is_answer = false;
    // Over loopback, on its way to the node's own sockets: what the rules for INPUT still do with
    // it is not to be seen.
    bool loopback = false;
  };
  std::vector<Departure> departures;
  // Whether the capture would have shown the packet leaving (`-i any`): then an empty `departures`
  // says that it was delivered or dropped.
  bool departures_complete = false;
  // A packet of the node's own processes of which only the departure was seen, after translation;
  // what it was before is unknown. That sighting is `packet`, and the only departure too.
  bool as_it_left = false;
};

}  // namespace kubeproof
