// The states of a TCP connection as a router in the middle sees them
// (net/netfilter/nf_conntrack_proto_tcp.c nf_conntrack_tcp_packet()). Left out: SYN proxy.
#pragma once

#include "model/netfilter/protocol_tracker.h"

namespace kubeproof::netfilter {

TrackVerdict track_tcp(Connection& connection, const TrackedPacket& tracked,
                       const ConntrackSettings& settings, Instant now);

}  // namespace kubeproof::netfilter
