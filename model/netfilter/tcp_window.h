// Whether a TCP segment lies in the window, and what it tells of the windows
// (net/netfilter/nf_conntrack_proto_tcp.c tcp_in_window(), after Guido van Rooij, "Real Stateful
// TCP Packet Filtering in IP Filter").
#pragma once

#include "model/netfilter/flow_tuple.h"
#include "model/netfilter/tcp_segment.h"
#include "model/netfilter/tcp_state.h"

namespace kubeproof::netfilter {

enum class WindowVerdict : uint8_t {
  kInside,
  kIgnored,  // let through, but it moves nothing on
  kInvalid,
};

// `be_liberal` is net.netfilter.nf_conntrack_tcp_be_liberal.
WindowVerdict check_window(TcpState& state, Direction direction, const TcpSegment& segment,
                           bool be_liberal);

// The bookkeeping of a connection whose first segment this is; false when it may not start one.
// `loose`: connections may be picked up midway (nf_conntrack_tcp_loose).
bool start_connection(TcpState& state, const TcpSegment& segment, bool loose);

}  // namespace kubeproof::netfilter
