#include "model/netfilter/tcp_window.h"

#include <algorithm>
#include <optional>

namespace kubeproof::netfilter {
namespace {

// Sequence numbers wrap.
bool before(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) < 0;
}
bool after(uint32_t a, uint32_t b) {
  return before(b, a);
}

// How far behind an acknowledgement may be.
uint32_t acknowledgement_window(const TcpSide& sender) {
  return std::max<uint32_t>(sender.max_window, 66000);
}

// A SYN or SYN/ACK says where its sender starts.
void start_side(TcpSide& sender, TcpSide& receiver, Direction direction,
                const TcpSegment& segment) {
  sender.end = sender.max_end = segment.end;
  sender.max_window = std::max<uint32_t>(segment.window, 1);
  segment.read_syn_options(sender);
  // RFC 7323: scaling needs both sides.
  if (direction == Direction::kReply && !(sender.window_scaling && receiver.window_scaling)) {
    sender.scale = receiver.scale = 0;
  }
}

// The first segment seen from a side, its handshake having been missed.
void pick_up_side(TcpSide& sender, TcpSide& receiver, const TcpSegment& segment,
                  uint32_t highest_ack) {
  sender.end = segment.end;
  sender.max_window = std::max<uint32_t>(uint32_t{segment.window} << sender.scale, 1);
  sender.max_end = segment.end + sender.max_window;
  if (receiver.max_window == 0) {
    receiver.end = receiver.max_end = highest_ack;
  } else if (highest_ack == receiver.end + 1) {
    ++receiver.end;  // the answer to a keep-alive
  }
}

// A segment as the checks see it: numbers that say nothing are replaced by what fits.
struct Judged {
  uint32_t sequence;
  uint32_t end;
  uint32_t ack;
  uint32_t highest_ack;
};

// Outside one of the four bounds; empty: inside all.
std::optional<WindowVerdict> judge(TcpSide& sender, const TcpSide& receiver, const Judged& judged,
                                   bool liberal) {
  const auto verdict = [liberal](WindowVerdict strict) {
    return liberal ? WindowVerdict::kInside : strict;
  };
  const bool end_in_window = after(judged.end, sender.end - receiver.max_window - 1);
  const bool ack_not_ahead = before(judged.highest_ack, receiver.end + 1);
  const bool ack_not_behind =
      after(judged.highest_ack, receiver.end - acknowledgement_window(sender) - 1);

  if (!before(judged.sequence, sender.max_end + 1)) {
    const uint32_t overshot = judged.end - sender.max_end + 1;
    if (receiver.max_window != 0 && end_in_window && ack_not_behind && ack_not_ahead &&
        overshot <= receiver.max_window) {
      // More than the receiver had room for: remembered, so that its acknowledgement is valid.
      sender.end = judged.end;
      sender.unacknowledged = true;
      return verdict(WindowVerdict::kIgnored);
    }
    return verdict(WindowVerdict::kInvalid);
  }
  if (!ack_not_ahead) return verdict(WindowVerdict::kInvalid);
  if (receiver.max_window != 0 && !end_in_window) return verdict(WindowVerdict::kIgnored);
  if (!ack_not_behind) return verdict(WindowVerdict::kIgnored);
  return std::nullopt;
}

void learn(TcpSide& sender, TcpSide& receiver, const TcpSegment& segment, const Judged& judged) {
  const uint32_t window = segment.syn ? segment.window : uint32_t{segment.window} << sender.scale;
  sender.max_window = std::max(sender.max_window, window + (judged.highest_ack - judged.ack));
  if (after(judged.end, sender.end)) {
    sender.end = judged.end;
    sender.unacknowledged = true;
  }
  if (segment.ack && (!sender.max_ack_set || after(judged.ack, sender.max_ack))) {
    sender.max_ack = judged.ack;
    sender.max_ack_set = true;
  }
  if (receiver.max_window != 0 && after(judged.end, sender.max_end)) {
    receiver.max_window += judged.end - sender.max_end;
  }
  if (after(judged.highest_ack + window, receiver.max_end - 1)) {
    receiver.max_end = judged.highest_ack + window + (window == 0 ? 1 : 0);
  }
  if (judged.ack == receiver.end) receiver.unacknowledged = false;
}

void count_retransmission(TcpState& state, Direction direction, const TcpSegment& segment,
                          const Judged& judged) {
  const auto by = static_cast<uint8_t>(direction);
  if (state.last_direction == by && state.last_sequence == judged.sequence &&
      state.last_ack == judged.ack && state.last_end == judged.end &&
      state.last_window == segment.window) {
    ++state.retransmissions;
    return;
  }
  state.last_direction = by;
  state.last_sequence = judged.sequence;
  state.last_ack = judged.ack;
  state.last_end = judged.end;
  state.last_window = segment.window;
  state.retransmissions = 0;
}

}  // namespace

WindowVerdict check_window(TcpState& state, Direction direction, const TcpSegment& segment,
                           bool be_liberal) {
  TcpSide& sender = state.sides[static_cast<size_t>(direction)];
  TcpSide& receiver = state.sides[static_cast<size_t>(opposite(direction))];
  const uint32_t highest_ack =
      receiver.sack_permitted ? segment.highest_acknowledgement() : segment.acknowledgement;

  if (sender.max_window == 0) {
    if (segment.syn) {
      start_side(sender, receiver, direction, segment);
      if (!segment.ack) return WindowVerdict::kInside;  // simultaneous open
    } else {
      pick_up_side(sender, receiver, segment, highest_ack);
    }
  } else if (segment.syn && after(segment.end, sender.end) &&
             (state.phase == TcpPhase::kSynSent || state.phase == TcpPhase::kSynReceived)) {
    start_side(sender, receiver, direction, segment);
    if (direction == Direction::kReply && !segment.ack) return WindowVerdict::kInside;
  }

  Judged judged{segment.sequence, segment.end, segment.acknowledgement, highest_ack};
  // No acknowledgement, or none that means anything (broken stacks set it to zero in a reset).
  if (!segment.ack || (segment.rst && segment.acknowledgement == 0)) {
    judged.ack = judged.highest_ack = receiver.end;
  }
  // A reset that answers a SYN has no sequence number of its own.
  if (segment.rst && segment.sequence == 0 && state.phase == TcpPhase::kSynSent) {
    judged.sequence = judged.end = sender.end;
  }

  if (const auto outside = judge(sender, receiver, judged, be_liberal || sender.liberal)) {
    return *outside;
  }
  learn(sender, receiver, segment, judged);
  if (segment.kind == TcpKind::kAck) count_retransmission(state, direction, segment, judged);
  return WindowVerdict::kInside;
}

bool start_connection(TcpState& state, const TcpSegment& segment, bool loose) {
  if (segment.kind != TcpKind::kSyn && segment.kind != TcpKind::kAck) return false;
  if (segment.kind == TcpKind::kAck && !loose) return false;
  state = {};
  TcpSide& sender = state.sides[0];
  sender.end = sender.max_end = segment.end;
  sender.max_window = std::max<uint32_t>(segment.window, 1);
  if (segment.kind == TcpKind::kSyn) {
    segment.read_syn_options(sender);
    return true;
  }
  sender.max_end += sender.max_window;
  for (TcpSide& side : state.sides) side.sack_permitted = side.liberal = true;
  return true;
}

}  // namespace kubeproof::netfilter
