#include "model/netfilter/tcp_transitions.h"

#include <string_view>

namespace kubeproof::netfilter {
namespace {

// One row for each kind of segment, one letter for each state before it, in the order of TcpPhase.
// The letters are the state after it: n NONE, s SYN_SENT, r SYN_RECV, e ESTABLISHED, f FIN_WAIT,
// c CLOSE_WAIT, l LAST_ACK, t TIME_WAIT, x CLOSE, 2 SYN_SENT2, '.' ignored, '-' invalid.
struct Rows {
  std::string_view syn, syn_ack, fin, ack, rst, none;
};

// clang-format off
constexpr Rows kFromOriginal{
    //          nsrefcltx2
    .syn     = "ss.....ss2",
    .syn_ack = "--r------r",
    .fin     = "--ffllltx-",
    .ack     = "e-eeccttx-",
    .rst     = "-xxxxxxxxx",
    .none    = "----------"};
constexpr Rows kFromReply{
    //          nsrefcltx2
    .syn     = "-2-----s-2",
    .syn_ack = "-r.......r",
    .fin     = "--ffllltx-",
    .ack     = "-.reccttx.",
    .rst     = "-xxxxxxxxx",
    .none    = "----------"};
// clang-format on

std::string_view row(const Rows& rows, TcpKind kind) {
  switch (kind) {
    case TcpKind::kSyn:
      return rows.syn;
    case TcpKind::kSynAck:
      return rows.syn_ack;
    case TcpKind::kFin:
      return rows.fin;
    case TcpKind::kAck:
      return rows.ack;
    case TcpKind::kRst:
      return rows.rst;
    case TcpKind::kNone:
      break;
  }
  return rows.none;
}

TcpTransition to(TcpPhase phase) {
  return {TcpTransition::Action::kMove, phase};
}

}  // namespace

TcpTransition tcp_transition(Direction direction, TcpKind kind, TcpPhase phase) {
  const Rows& rows = direction == Direction::kOriginal ? kFromOriginal : kFromReply;
  switch (row(rows, kind)[static_cast<size_t>(phase)]) {
    case 's':
      return to(TcpPhase::kSynSent);
    case 'r':
      return to(TcpPhase::kSynReceived);
    case 'e':
      return to(TcpPhase::kEstablished);
    case 'f':
      return to(TcpPhase::kFinWait);
    case 'c':
      return to(TcpPhase::kCloseWait);
    case 'l':
      return to(TcpPhase::kLastAck);
    case 't':
      return to(TcpPhase::kTimeWait);
    case 'x':
      return to(TcpPhase::kClose);
    case '2':
      return to(TcpPhase::kSynSent2);
    case '.':
      return {TcpTransition::Action::kIgnore, phase};
    default:
      return {TcpTransition::Action::kInvalid, phase};
  }
}

}  // namespace kubeproof::netfilter
