// One packet of a capture after import: sightings of the same packet merged, offloaded segments
// cut, partial checksums completed.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/bytes.h"

namespace kubeproof {

struct CapturedPacket {
  std::chrono::nanoseconds time{};  // since the epoch, as captured
  uint64_t frame = 0;               // number of its first sighting in the capture, from 1
  Bytes packet;                     // as it entered the node, from the network header to its end
  Ingress ingress;
  // What the captured node was seen to send for it. `place` is the interface where the capture
  // tells it (cooked v2 with a known index, a single-interface capture), else empty.
  struct Departure {
    std::optional<uint32_t> interface;
    Bytes packet;
    uint64_t frame = 0;
  };
  std::vector<Departure> departures;
  // Whether the capture would have shown the packet leaving (`-i any`): then an empty `departures`
  // says that it was delivered or dropped.
  bool departures_complete = false;
  // Made by the node itself, `ingress` being the host: a capture shows such a packet only as it
  // leaves, after translation. That sighting is `packet`, and the only departure too.
};

}  // namespace kubeproof
