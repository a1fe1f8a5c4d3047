// What conntrack remembers of a TCP connection (struct ip_ct_tcp).
#pragma once

#include <array>
#include <cstdint>

namespace kubeproof::netfilter {

enum class TcpPhase : uint8_t {
  kNone,
  kSynSent,
  kSynReceived,
  kEstablished,
  kFinWait,
  kCloseWait,
  kLastAck,
  kTimeWait,
  kClose,
  kSynSent2,  // SYN from both sides: simultaneous open
};

// Which of RST, SYN, FIN and ACK a segment is about, in this order of precedence.
enum class TcpKind : uint8_t { kSyn, kSynAck, kFin, kAck, kRst, kNone };

// One sender's half of the window bookkeeping.
struct TcpSide {
  uint32_t end = 0;         // highest sequence number sent, plus one
  uint32_t max_end = 0;     // highest that the other side has room for
  uint32_t max_window = 0;  // 0: nothing seen from this side yet
  uint32_t max_ack = 0;
  uint8_t scale = 0;
  bool window_scaling = false;
  bool sack_permitted = false;
  bool close_initiated = false;  // its FIN came first
  bool liberal = false;          // picked up midway: no window checks
  bool unacknowledged = false;   // data that the other side has not acknowledged
  bool max_ack_set = false;

  friend bool operator==(const TcpSide&, const TcpSide&) = default;
};

struct TcpState {
  std::array<TcpSide, 2> sides;  // by Direction
  TcpPhase phase = TcpPhase::kNone;

  // The last segment that counted, or that was let through without counting.
  TcpKind last_kind = TcpKind::kNone;
  uint8_t last_direction = 0;
  uint8_t retransmissions = 0;
  uint32_t last_sequence = 0;
  uint32_t last_ack = 0;
  uint32_t last_end = 0;
  uint16_t last_window = 0;
  // Options of a SYN that was let through without counting, and what may follow it.
  uint8_t last_scale = 0;
  bool last_window_scaling = false;
  bool last_sack_permitted = false;
  bool challenge_ack_expected = false;
  bool simultaneous_open = false;

  friend bool operator==(const TcpState&, const TcpState&) = default;
};

}  // namespace kubeproof::netfilter
