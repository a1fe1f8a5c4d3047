#include "model/netfilter/tcp_tracker.h"

#include <algorithm>
#include <optional>

#include "model/netfilter/tcp_segment.h"
#include "model/netfilter/tcp_transitions.h"
#include "model/netfilter/tcp_window.h"

namespace kubeproof::netfilter {
namespace {

bool before(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) < 0;
}

// One packet's way through the tracker.
class TcpStep {
 public:
  TcpStep(Connection& connection, const TrackedPacket& tracked, const TcpSegment& segment,
          const ConntrackSettings& settings, Instant now)
      : connection_(connection),
        state_(connection.tcp),
        direction_(tracked.direction),
        by_(static_cast<uint8_t>(tracked.direction)),
        segment_(segment),
        settings_(settings),
        now_(now),
        before_(state_.phase) {}

  TrackVerdict run() {
    const TcpTransition transition = tcp_transition(direction_, segment_.kind, before_);
    after_ = transition.phase;
    bool check_windows = true;
    switch (transition.action) {
      case TcpTransition::Action::kInvalid:
        return TrackVerdict::kInvalid;
      case TcpTransition::Action::kIgnore:
        if (!synchronises()) return let_through();
        synchronise();
        break;
      case TcpTransition::Action::kMove:
        if (after_ == TcpPhase::kSynSent && before_ >= TcpPhase::kTimeWait) {
          if (may_reopen()) return TrackVerdict::kReopen;
          if (!synchronises()) return let_through();
          synchronise();
        } else if (const auto verdict = adjust(check_windows)) {
          return *verdict;
        }
        break;
    }
    if (check_windows) {
      switch (check_window(state_, direction_, segment_, settings_.tcp_be_liberal)) {
        case WindowVerdict::kIgnored:
          return TrackVerdict::kValid;
        case WindowVerdict::kInvalid:
          note_invalid_end();
          return TrackVerdict::kInvalid;
        case WindowVerdict::kInside:
          break;
      }
    }
    return move_on();
  }

 private:
  TcpSide& own_side() { return state_.sides[by_]; }
  TcpSide& other_side() { return state_.sides[1 - by_]; }

  // A SYN on a connection that both sides had closed, or that this side had reset.
  bool may_reopen() const {
    return state_.sides[0].close_initiated || state_.sides[1].close_initiated ||
           (state_.last_direction == by_ && state_.last_kind == TcpKind::kRst);
  }

  // A SYN/ACK that acknowledges a SYN which was let through: the sides are in step, and it was
  // conntrack that was not.
  bool synchronises() const {
    return segment_.kind == TcpKind::kSynAck && state_.last_kind == TcpKind::kSyn &&
           state_.last_direction != by_ && segment_.acknowledgement == state_.last_end;
  }

  void synchronise() {
    before_ = TcpPhase::kSynSent;
    after_ = TcpPhase::kSynReceived;
    TcpSide& opener = other_side();
    const TcpSide old = opener;
    opener = {};
    opener.end = opener.max_end = state_.last_end;
    opener.max_window = std::max<uint32_t>(state_.last_window, 1);
    opener.max_ack = old.max_ack;
    opener.scale = state_.last_scale;
    opener.window_scaling = state_.last_window_scaling;
    opener.sack_permitted = state_.last_sack_permitted;
    state_.challenge_ack_expected = false;
    const bool liberal = own_side().liberal;
    own_side() = {};
    own_side().liberal = liberal;
  }

  // What may be right although it does not fit is noted, and the state stays.
  TrackVerdict let_through() {
    state_.last_kind = segment_.kind;
    state_.last_direction = by_;
    state_.last_sequence = segment_.sequence;
    state_.last_end = segment_.end;
    state_.last_window = segment_.window;
    if (segment_.kind == TcpKind::kSyn && direction_ == Direction::kOriginal) {
      TcpSide offered;
      segment_.read_syn_options(offered);
      state_.last_scale = offered.window_scaling ? offered.scale : 0;
      state_.last_window_scaling = offered.window_scaling;
      state_.last_sack_permitted = offered.sack_permitted;
      state_.simultaneous_open = false;
      // RFC 5961: the answer may be a challenge ACK, which must not pass for the last one.
      state_.challenge_ack_expected = before_ == TcpPhase::kLastAck;
    }
    if (before_ == TcpPhase::kSynSent && segment_.kind == TcpKind::kAck &&
        direction_ == Direction::kReply) {
      state_.last_ack = segment_.acknowledgement;
    }
    return TrackVerdict::kValid;
  }

  // What the table of transitions cannot say.
  std::optional<TrackVerdict> adjust(bool& check_windows) {
    switch (after_) {
      case TcpPhase::kTimeWait:
        if (before_ == TcpPhase::kLastAck && segment_.kind == TcpKind::kAck &&
            state_.last_direction != by_ && state_.last_kind == TcpKind::kSyn &&
            state_.challenge_ack_expected) {
          state_.challenge_ack_expected = false;
          return TrackVerdict::kValid;
        }
        return std::nullopt;
      case TcpPhase::kSynSent2:
        state_.simultaneous_open = true;
        return std::nullopt;
      case TcpPhase::kSynReceived:
        if (direction_ == Direction::kReply && segment_.kind == TcpKind::kAck &&
            state_.simultaneous_open) {
          after_ = TcpPhase::kEstablished;
        }
        return std::nullopt;
      case TcpPhase::kClose:
        if (segment_.kind != TcpKind::kRst) return std::nullopt;
        return adjust_reset(check_windows);
      default:
        return std::nullopt;
    }
  }

  // Whether a reset is believed, and how far.
  std::optional<TrackVerdict> adjust_reset(bool& check_windows) {
    // A closing connection's tuple may be in use again: nothing known of it can be relied on.
    if (before_ >= TcpPhase::kFinWait && before_ <= TcpPhase::kClose) {
      check_windows = false;
      return std::nullopt;
    }
    if (other_side().max_ack_set && state_.last_kind != TcpKind::kSyn) {
      const bool established = before_ == TcpPhase::kEstablished && connection_.assured;
      const uint32_t sequence = segment_.sequence;
      if (sequence == 0 && !established) return std::nullopt;
      if (before(sequence, other_side().max_ack)) return TrackVerdict::kInvalid;
      if (!established || sequence == other_side().max_ack) return std::nullopt;
      // Right behind the data that its sender has just sent.
      if (state_.last_kind == TcpKind::kAck && state_.last_direction == by_ &&
          sequence == state_.last_end) {
        return std::nullopt;
      }
      after_ = before_;  // the other side may answer with a challenge ACK
    }
    // Of the other side's SYN in a simultaneous open no end is noted: a reset that acknowledges
    // nothing answers it.
    const bool answers_ignored = (connection_.seen_reply && state_.last_kind == TcpKind::kSyn &&
                                  state_.last_direction != by_) ||
                                 (!connection_.assured && state_.last_kind == TcpKind::kAck);
    if (answers_ignored && segment_.acknowledgement == state_.last_end) check_windows = false;
    if (before_ == TcpPhase::kSynSent && state_.last_kind == TcpKind::kAck &&
        state_.last_direction == static_cast<uint8_t>(Direction::kReply) &&
        segment_.sequence == state_.last_ack) {
      check_windows = false;
    }
    return std::nullopt;
  }

  // The other side's FIN or reset had been taken for invalid too: the two disagree with conntrack,
  // and the connection is not kept for long.
  void note_invalid_end() {
    if (!connection_.assured) return;
    if (segment_.kind != TcpKind::kRst && segment_.kind != TcpKind::kFin) return;
    if (state_.last_direction != by_ &&
        (state_.last_kind == TcpKind::kFin || state_.last_kind == TcpKind::kRst)) {
      const Instant left = connection_.deadline - now_;
      if (left >= std::chrono::seconds(120) && left > settings_.tcp_unacknowledged) {
        connection_.deadline = now_ + settings_.tcp_unacknowledged;
      }
      return;
    }
    state_.last_kind = segment_.kind;
    state_.last_direction = by_;
  }

  TrackVerdict move_on() {
    state_.last_kind = segment_.kind;
    state_.last_direction = by_;
    state_.phase = after_;
    if (before_ != after_ && after_ == TcpPhase::kFinWait) own_side().close_initiated = true;

    Instant lifetime = timeout();
    if (!connection_.seen_reply) {
      if (segment_.rst) return TrackVerdict::kValidAndOver;
      // Retransmissions alone do not keep a connection.
      if (segment_.kind == TcpKind::kSyn && before_ == TcpPhase::kSynSent) {
        return TrackVerdict::kValid;
      }
      if (after_ == TcpPhase::kEstablished) {
        lifetime = std::min<Instant>(lifetime, settings_.tcp_unacknowledged);
      }
    } else if (after_ == TcpPhase::kEstablished &&
               (before_ == TcpPhase::kSynReceived || before_ == TcpPhase::kEstablished)) {
      connection_.assured = true;
    }
    connection_.deadline = now_ + lifetime;
    return TrackVerdict::kValid;
  }

  Instant phase_timeout() const {
    switch (after_) {
      case TcpPhase::kNone:
      case TcpPhase::kSynSent:
      case TcpPhase::kSynSent2:
        return settings_.tcp_syn_sent;
      case TcpPhase::kSynReceived:
        return settings_.tcp_syn_received;
      case TcpPhase::kEstablished:
        return settings_.tcp_established;
      case TcpPhase::kFinWait:
        return settings_.tcp_fin_wait;
      case TcpPhase::kCloseWait:
        return settings_.tcp_close_wait;
      case TcpPhase::kLastAck:
        return settings_.tcp_last_ack;
      case TcpPhase::kTimeWait:
        return settings_.tcp_time_wait;
      case TcpPhase::kClose:
        break;
    }
    return settings_.tcp_close;
  }

  Instant timeout() const {
    const Instant usual = phase_timeout();
    if (state_.retransmissions >= settings_.tcp_max_retransmissions &&
        usual > settings_.tcp_retransmitting) {
      return settings_.tcp_retransmitting;
    }
    if (segment_.kind == TcpKind::kRst) return settings_.tcp_close;
    const bool unacknowledged = state_.sides[0].unacknowledged || state_.sides[1].unacknowledged;
    if (unacknowledged && usual > settings_.tcp_unacknowledged) {
      return settings_.tcp_unacknowledged;
    }
    if (state_.last_window == 0 && usual > settings_.tcp_retransmitting) {
      return settings_.tcp_retransmitting;
    }
    return usual;
  }

  Connection& connection_;
  TcpState& state_;
  const Direction direction_;
  const uint8_t by_;
  const TcpSegment& segment_;
  const ConntrackSettings& settings_;
  const Instant now_;
  TcpPhase before_;
  TcpPhase after_ = TcpPhase::kNone;
};

}  // namespace

TrackVerdict track_tcp(Connection& connection, const TrackedPacket& tracked,
                       const ConntrackSettings& settings, Instant now) {
  const auto segment = TcpSegment::parse(tracked.packet, tracked.view);
  if (!segment) return TrackVerdict::kInvalid;
  if (!tracked.confirmed && !start_connection(connection.tcp, *segment, settings.tcp_loose)) {
    return TrackVerdict::kInvalid;
  }
  return TcpStep(connection, tracked, *segment, settings, now).run();
}

}  // namespace kubeproof::netfilter
