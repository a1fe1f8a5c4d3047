// The states of an SCTP association as a router in the middle sees them
// (net/netfilter/nf_conntrack_proto_sctp.c nf_conntrack_sctp_packet()).
#pragma once

#include "model/netfilter/protocol_tracker.h"

namespace kubeproof::netfilter {

TrackVerdict track_sctp(Connection& connection, const TrackedPacket& tracked,
                        const ConntrackSettings& settings, Instant now);

}  // namespace kubeproof::netfilter
