// What a planned packet's shape does to its bytes: IP options and extension headers, defects, where
// it is cut short.
#pragma once

#include <cstdint>
#include <vector>

#include "model/packet/packet_builder.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// All that a builder can be told.
void apply(const PacketShape& shape, Family family, PacketBuilder& builder);

// Shortens a packet to what its shape leaves of the transport header and what follows.
void cut(const PacketShape& shape, Bytes& packet);

// Leaves out or repeats one of a datagram's fragments.
void spoil(const PacketShape& shape, std::vector<Bytes>& fragments);

// A process cannot send more than fits its route in one piece, and its kernel fills in the header's
// checksum. IPv6 fragments that loop through lo are cut anew, with an identification that nobody
// can foresee, and pass INPUT one by one (ipv6_defrag() leaves alone what has a flow).
void fit_to_socket(Family family, PacketShape& shape);

}  // namespace kubeproof::explore
