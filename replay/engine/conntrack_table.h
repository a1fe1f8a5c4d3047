// The kernel's connection tracking table of one network namespace, through ctnetlink
// (net/netfilter/nf_conntrack_netlink.c).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/result.h"
#include "replay/engine/flow_roster.h"
#include "replay/engine/netlink_socket.h"

namespace kubeproof {

// One direction of a flow. ICMP queries have their identifier in both ports.
struct FlowTuple {
  SocketAddress source;
  SocketAddress destination;
  friend bool operator==(const FlowTuple&, const FlowTuple&) = default;
};

struct TrackedFlow {
  Family family = Family::kIpv4;
  uint8_t protocol = 0;
  FlowTuple original;
  FlowTuple reply;
  uint32_t seconds_left = 0;          // rounded up
  uint32_t stretch = 1;               // how many real seconds each of them is
  std::optional<uint8_t> tcp_state;   // TCP_CONNTRACK_* of nf_conntrack_tcp.h
  std::optional<uint8_t> sctp_state;  // SCTP_CONNTRACK_* of nf_conntrack_sctp.h
  uint32_t status = 0;                // IPS_* of linux/netfilter/nf_conntrack_common.h
  Bytes identity;                     // its original tuple as the kernel wrote it (FlowIdentity)

  // "udp 10.0.0.9:4000 > 10.96.0.10:53, replies 10.180.0.1:53 > 10.0.0.9:4000, 29 s left".
  std::string describe() const;
};

// Sums over all CPUs since the namespace was made (/proc/net/stat/nf_conntrack).
struct ConntrackStatistics {
  uint64_t entries = 0;
  uint64_t invalid = 0;
  uint64_t insert_failed = 0;  // clashes that could not be resolved: the packet was dropped
  uint64_t drop = 0;           // no room for a new flow
  uint64_t early_drop = 0;     // flows evicted to make room
};

// The clock of flows is ours to turn, so the real one should not count: timeouts are so many times
// as long as they claim to be, and what a loaded machine needs for a run takes nothing off them.
// The kernel counts ticks in 31 bits, and an established TCP flow has a day.
constexpr uint32_t kTimeoutStretch = 16;

// Stretches all timeouts of the namespace that the calling thread is in, as they are by now.
Result<void> stretch_conntrack_timeouts();

// Of a namespace with stretched timeouts; everything here is told in seconds of our clock.
class ConntrackTable {
 public:
  // Of the namespace that the calling thread is in, before its first packet.
  static Result<ConntrackTable> open();

  Result<std::vector<TrackedFlow>> list();

  // Lets time pass for every flow: what is left of its timeout shrinks, and it ends at zero. How
  // long a UDP flow has had replies, the kernel counts otherwise than by timeouts: two seconds of
  // its own, that a loaded machine may well take for a flow to which no time has passed here, do
  // not make it a stream. Left out: flows to which two seconds have.
  Result<void> age(uint32_t seconds);

  // Ends the flows that `condemned` picks.
  Result<void> remove_if(const std::function<bool(const TrackedFlow&)>& condemned);

 private:
  ConntrackTable(NetlinkSocket socket, FlowRoster roster, uint32_t udp_timeout)
      : socket_(std::move(socket)), roster_(std::move(roster)), udp_timeout_(udp_timeout) {}
  Result<std::vector<TrackedFlow>> dump();
  // Acknowledged changes; flows that are gone by then are none.
  Result<void> change_all(std::vector<NetlinkRequest>& requests);

  NetlinkSocket socket_;
  FlowRoster roster_;
  uint32_t udp_timeout_;         // of a flow that is no stream, in seconds
  std::set<FlowIdentity> aged_;  // to which time has passed
};

// Of the namespace that the calling thread is in.
Result<ConntrackStatistics> read_conntrack_statistics();

}  // namespace kubeproof
