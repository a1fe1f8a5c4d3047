#include "model/netfilter/sctp_chunks.h"

namespace kubeproof::netfilter {
namespace {

using enum SctpPhase;

bool moves_state(uint8_t chunk) {
  return chunk == kSctpInit || chunk == kSctpInitAck ||
         (chunk >= kSctpHeartbeat && chunk <= kSctpCookieAck) || chunk == kSctpShutdownComplete;
}

// An association that begins, or of which only heartbeats are known.
SctpPhase start(uint8_t chunk, SctpPhase phase) {
  const bool beating = phase == kHeartbeatSent;
  switch (chunk) {
    case kSctpHeartbeat:
      return kHeartbeatSent;
    case kSctpHeartbeatAck:
      return beating ? kHeartbeatSent : kClosed;
    case kSctpShutdownAck:
      return kShutdownAckSent;
    case kSctpInit:
      return beating ? kCookieWait : kClosed;
    default:
      return kClosed;
  }
}

std::optional<SctpPhase> answer(uint8_t chunk, SctpPhase phase) {
  if (phase == kHeartbeatSent && chunk == kSctpHeartbeat) return kHeartbeatSent;
  if (phase == kHeartbeatSent && chunk == kSctpHeartbeatAck) return kEstablished;
  return std::nullopt;
}

SctpPhase go_on(Direction direction, uint8_t chunk, SctpPhase phase) {
  const bool original = direction == Direction::kOriginal;
  const bool closing = phase == kShutdownSent || phase == kShutdownReceived;
  switch (chunk) {
    case kSctpAbort:
      return kClosed;
    case kSctpInit:
      return original && closing ? kClosed : phase;
    case kSctpInitAck:
      return !original && phase == kClosed ? kCookieWait : phase;
    case kSctpCookieEcho:
      return phase == kCookieWait ? kCookieEchoed : phase;
    case kSctpCookieAck:
      return phase == kCookieEchoed ? kEstablished : phase;
    case kSctpError:
      return !original && phase == kCookieEchoed ? kClosed : phase;
    case kSctpShutdown:
      if (phase != kEstablished) return phase;
      return original ? kShutdownSent : kShutdownReceived;
    case kSctpShutdownAck:
      return closing ? kShutdownAckSent : phase;
    case kSctpShutdownComplete:
      return phase == kShutdownAckSent ? kClosed : phase;
    default:
      return phase;
  }
}

}  // namespace

std::optional<uint32_t> SctpChunk::initiate_tag() const {
  constexpr size_t kFixedPart = 20, kTagAt = 4;
  if (rest.size() < kFixedPart) return std::nullopt;
  return load32(rest, kTagAt);
}

std::optional<SctpPhase> sctp_transition(Direction direction, uint8_t chunk, SctpPhase phase) {
  if (!moves_state(chunk)) return phase;
  if (phase != kNone && phase != kHeartbeatSent) return go_on(direction, chunk, phase);
  if (direction == Direction::kOriginal) return start(chunk, phase);
  return answer(chunk, phase);
}

}  // namespace kubeproof::netfilter
