// Does what was seen of a packet's fate equal an outcome that the reference permits? Byte for byte
// from the network header to the IP total length, after masking only what nobody can predict: the
// identification of packets that the node made, DF of those put together anew, the time that the
// kernel wrote into options, and a port that netfilter was free to pick, which must lie in its
// range and leave the checksum right. Agreeing costs a comparison of memory and allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/bytes.h"
#include "replay/engine/reference.h"

namespace kubeproof {

// One emission as seen. A capture may not tell the interface.
struct Seen {
  ByteView packet;
  std::optional<Place> place;
};

// False for what is no packet at all.
bool is_icmp_error_packet(ByteView packet);

enum class Visibility : uint8_t {
  kEverything,
  kDeparturesOnly,  // deliveries to the node's own sockets were not to be seen
};

class Matcher {
 public:
  // Every outcome that agrees with what was seen; valid until the next call.
  std::span<const OutcomeMatch> match(std::span<const Seen> seen, std::span<const Outcome> outcomes,
                                      Visibility visibility = Visibility::kEverything);

  // Whether the emission is the permitted one; `port` becomes the free port as seen. Blind to
  // places.
  bool equal(const PermittedEmission& permitted, ByteView seen, std::optional<uint16_t>& port);

 private:
  bool match_outcome(std::span<const Seen> seen, const Outcome& outcome, Visibility visibility,
                     OutcomeMatch& result);

  std::vector<OutcomeMatch>
      matches_;  // the first in use are handed out; the rest keep their buffers
  std::vector<bool> taken_;
  Bytes expected_;
};

// The permitted packet as it would be with the masked fields of `seen` in it: its identification
// where the node made the packet, its DF where that is free, its time, its free port, checksums to
// match.
// `packet` is overwritten.
void fill_masked(const PermittedEmission& permitted, ByteView seen, Bytes& packet);

}  // namespace kubeproof
