// What a packet means to the connection that it belongs to: the protocol's state, its timeout, and
// whether the packet is a valid part of it at all (nf_conntrack_core.c nf_conntrack_handle_packet()
// and the trackers behind it). The table of connections is not its concern.
#pragma once

#include <cstdint>

#include "model/netfilter/connection.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

enum class TrackVerdict : uint8_t {
  kValid,
  kValidAndOver,  // valid, but the connection goes at once: a reset before any reply
  kInvalid,       // not a part of this connection; what the tracker noted about it stays
  kReopen,        // a SYN on a connection that is over: forget it and start anew
};

struct TrackedPacket {
  ByteView packet;
  const PacketView& view;
  Direction direction = Direction::kOriginal;
  bool confirmed = false;  // whether the connection is in the table
  // Checksums are only looked at in PREROUTING; packets that the node makes itself are trusted.
  bool verify_checksum = false;

  // Of TCP, UDP, SCTP, ICMP and ICMPv6.
  bool wrong_checksum() const;
};

// Moves `connection` on. The seen_reply of a first reply is not set here: the tracker judges by
// what was before.
TrackVerdict track(Connection& connection, const TrackedPacket& tracked,
                   const ConntrackSettings& settings, Instant now);

}  // namespace kubeproof::netfilter
