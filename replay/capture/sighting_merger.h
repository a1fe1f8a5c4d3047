// Merges the sightings of one packet: `tcpdump -i any` shows it when it enters, on a bridge behind
// that, and when it leaves, translated; a log of OUTPUT shows what the node's own processes sent
// before translation, up to a second late, since the kernel hands logged packets over in batches.
//
// A sighting joins the packet that it agrees with in everything that translation leaves alone
// (sighting.h), with a TTL as forwarding makes it, within a short time; addresses and ports decide
// only between several such packets, and then the earliest wins.
//
// Where net.bridge.bridge-nf-call-iptables is set (net/bridge/br_netfilter_hooks.c), netfilter
// translates already at the bridge port: the bridge itself shows a packet with its new destination,
// and what stays on the bridge leaves through another port without being routed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "replay/capture/import_summary.h"
#include "replay/capture/pending_sightings.h"

namespace kubeproof {

struct MergeOptions {
  bool departures_shown = false;     // a capture of `-i any` is among the files
  bool host_packets_logged = false;  // a log of OUTPUT is among the files
  // Packets up to this size are never cut on their way out.
  uint32_t smallest_mtu = 1500;
  std::vector<uint32_t> bridge_ports;  // indices, where they are known
  // How long the node may take to forward, and how late the log may be.
  std::chrono::nanoseconds forward_window = std::chrono::milliseconds(100);
  std::chrono::nanoseconds log_window = std::chrono::milliseconds(1500);
};

class SightingMerger {
 public:
  SightingMerger(const MergeOptions& options, ImportSummary& summary);

  void add(const Sighting& sighting);
  // No more sightings will come.
  void finish();

  // The next packet that no later sighting can change, in the order of entering; null when there is
  // none yet. Of kind kEntering, kHost, or kLeaving where nothing explains it. Valid until the next
  // call of any member.
  PendingSighting* next();

 private:
  using Kind = PendingSighting::Kind;
  using Key = PendingSightings::Key;
  using Slot = PendingSightings::Slot;

  void add_entering(const Sighting& sighting);
  void add_leaving(const Sighting& sighting);
  void add_loopback(const Sighting& sighting);
  void add_logged(const Sighting& sighting);

  bool join_repeat(const Sighting& sighting, uint64_t content);
  bool entered_bridge_port(const PendingSighting& pending) const;
  bool join_bridge_port(const Sighting& sighting, uint64_t content);
  bool join_bridge_crossing(const Sighting& sighting, uint64_t content);
  bool join_departure(const Sighting& sighting, uint64_t content);
  bool join_part(const Sighting& sighting);
  bool join_answer(const Sighting& sighting);
  bool join_leaving_repeat(const Sighting& sighting, uint64_t content);

  // Earlier departures that the logged packet explains.
  Slot add_host(const Sighting& sighting, uint64_t content);
  std::optional<Slot> find_earlier_answer(const Sighting& sighting);
  void index_whole(Slot slot, const Sighting& sighting, Key key);

  PendingSighting* find_quoted(const Sighting& sighting);
  bool may_leave_as(const PendingSighting& entered, const Sighting& leaving) const;
  void add_departure(PendingSighting& entered, const Sighting& sighting, bool is_answer);

  MergeOptions options_;
  ImportSummary& summary_;
  PendingSightings pending_;
  std::chrono::nanoseconds horizon_;
  std::chrono::nanoseconds now_{};
  uint64_t sightings_ = 0;
  bool finished_ = false;
  std::optional<Slot> given_out_;
};

}  // namespace kubeproof
