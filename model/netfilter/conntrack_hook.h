// Finds or starts the connection of a packet, and confirms what it started
// (net/netfilter/nf_conntrack_core.c nf_conntrack_in(), nf_confirm()).
#pragma once

#include <string>

#include "model/netfilter/connection.h"
#include "model/netfilter/packet_path.h"
#include "model/netfilter/state.h"

namespace kubeproof::netfilter {

struct ConntrackContext {
  const ConnectionTable& table;
  const ConntrackSettings& settings;
  Instant now;
};

// Attaches a connection to the packet, or leaves it INVALID. False where it is of a protocol that
// is_tracked_otherwise(), or is about such a packet.
[[nodiscard]] bool track_packet(PacketPath& path, const ConntrackContext& context);

// At the end of a packet's way: a connection that it starts enters the table. False where another
// one is there already and the packet is dropped.
[[nodiscard]] bool confirm(PacketPath& path, const ConntrackContext& context);

// Attaches the connection of a packet to an error about it (nf_conntrack_attach()).
void attach_to_error(Attachment& attachment);

// ConntrackStateBit as `-m conntrack --ctstate` sees them.
uint8_t conntrack_states(const Attachment& attachment);

// "ESTABLISHED reply of 10.0.0.1:4000 > 10.96.0.10:80 tcp", for traces; "INVALID: " is followed by
// the likeliest reason.
std::string describe_tracking(const PacketPath& path, const ConntrackContext& context);

}  // namespace kubeproof::netfilter
