// The state that a segment leads to, by who sent it, what it is about, and the state before.
#pragma once

#include <cstdint>
#include <optional>

#include "model/netfilter/flow_tuple.h"
#include "model/netfilter/tcp_state.h"

namespace kubeproof::netfilter {

struct TcpTransition {
  enum class Action : uint8_t {
    kMove,
    kIgnore,   // may be right or wrong: let through, noted, and the state stays
    kInvalid,  // no part of this connection
  };
  Action action = Action::kInvalid;
  TcpPhase phase = TcpPhase::kNone;  // kMove
};

TcpTransition tcp_transition(Direction direction, TcpKind kind, TcpPhase phase);

}  // namespace kubeproof::netfilter
