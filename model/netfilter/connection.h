// A conntrack entry, and the settings that its trackers follow.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "model/netfilter/flow_tuple.h"
#include "model/netfilter/sctp_state.h"
#include "model/netfilter/tcp_state.h"

namespace kubeproof::netfilter {

// Virtual time since the node came up.
using Instant = std::chrono::nanoseconds;

// A port or ICMP identifier that NAT draws; inclusive.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;

  bool contains(uint16_t port) const { return first <= port && port <= last; }
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// What struct nf_conn holds, as far as it decides anything.
struct Connection {
  FlowTuple original;
  FlowTuple reply;  // inverse of the translated original

  bool seen_reply = false;
  bool assured = false;
  bool source_nat = false;       // IPS_SRC_NAT: the source is translated
  bool destination_nat = false;  // IPS_DST_NAT
  // Whether NAT has decided (IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE), be it that nothing changes.
  bool source_nat_done = false;
  bool destination_nat_done = false;
  uint32_t masquerade_interface = 0;  // index of the egress that MASQUERADE saw; 0: none
  // NAT has drawn a source port from here, and nobody has seen yet which. In `reply` it is zero.
  std::optional<PortRange> drawn_from;

  Instant deadline{};      // gone from then on
  Instant stream_after{};  // UDP: replies after this make a stream of it
  TcpState tcp;
  SctpState sctp;

  const FlowTuple& tuple(Direction direction) const {
    return direction == Direction::kOriginal ? original : reply;
  }
  // The same connection, now that the drawn port is known.
  Connection with_drawn_port(uint16_t port) const;

  friend bool operator==(const Connection&, const Connection&) = default;
};

// net.netfilter.nf_conntrack_*, with the values that kube-proxy leaves there.
struct ConntrackSettings {
  using Seconds = std::chrono::seconds;

  bool tcp_be_liberal = false;
  bool tcp_loose = true;
  uint8_t tcp_max_retransmissions = 3;
  Seconds tcp_syn_sent{120};
  Seconds tcp_syn_received{60};
  Seconds tcp_established{86400};
  Seconds tcp_fin_wait{120};
  Seconds tcp_close_wait{3600};
  Seconds tcp_last_ack{30};
  Seconds tcp_time_wait{120};
  Seconds tcp_close{10};
  Seconds tcp_retransmitting{300};
  Seconds tcp_unacknowledged{300};
  Seconds sctp_closed{10};
  Seconds sctp_established{210};
  Seconds sctp_heartbeat_sent{30};
  Seconds sctp_changing{3};  // opening, shutting down
  Seconds udp{30};
  Seconds udp_stream{120};
  Seconds icmp{30};
  Seconds gre{30};
  Seconds gre_stream{180};
  Seconds generic{600};
};

}  // namespace kubeproof::netfilter
