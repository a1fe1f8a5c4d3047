// What conntrack remembers of an SCTP association (struct ip_ct_sctp).
#pragma once

#include <array>
#include <cstdint>

namespace kubeproof::netfilter {

enum class SctpPhase : uint8_t {
  kNone,
  kClosed,
  kCookieWait,
  kCookieEchoed,
  kEstablished,
  kShutdownSent,
  kShutdownReceived,
  kShutdownAckSent,
  kHeartbeatSent,  // on another path of an association that began elsewhere
};

struct SctpState {
  std::array<uint32_t, 2> tags{};   // by Direction: the verification tag of its packets
  std::array<bool, 2> initiated{};  // by Direction: sent an INIT
  SctpPhase phase = SctpPhase::kNone;
  bool heartbeat_failed = false;  // a heartbeat with another tag was let through
  uint8_t heartbeat_direction = 0;

  friend bool operator==(const SctpState&, const SctpState&) = default;
};

}  // namespace kubeproof::netfilter
