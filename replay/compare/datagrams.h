// Datagrams put together from the fragments that an engine emits. How a datagram is cut is nobody's
// business: netfilter holds fragments back until the last one and cuts the whole anew, another
// datapath may pass each one as it comes. So a datagram is compared whole, as an emission of the
// packet that completed it; while it is unfinished, nothing has left. Congestion that one fragment
// tells of the whole has met, as for any receiver (ip_frag_ecn_table).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

class DatagramAssembler {
 public:
  // Takes a fragment; returns the datagram that it completes, as if it had never been cut.
  std::optional<Bytes> add(Place place, ByteView fragment, const PacketView& view);

  // Receivers wait for no more than a minute.
  void advance(std::chrono::nanoseconds duration);

 private:
  struct Piece {
    uint16_t offset = 0;
    Bytes payload;
  };
  struct Pending {
    std::chrono::nanoseconds begun{};
    Place place;
    IpAddress source;
    IpAddress destination;
    uint8_t protocol = 0;  // IPv4: part of the identity of a datagram
    uint32_t identification = 0;
    std::optional<Bytes> header;   // of the first fragment, without an IPv6 fragment header
    std::optional<size_t> length;  // of the payload, known from the last fragment
    std::vector<Piece> pieces;
    bool congested = false;  // ECN: CE in some fragment
  };

  Pending& find_or_add(Place place, const PacketView& view);

  std::chrono::nanoseconds now_{};
  std::vector<Pending> pending_;  // the oldest first; unfinished ones are forgotten in the end
};

}  // namespace kubeproof
