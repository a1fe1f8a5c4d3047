#include "model/netfilter/sctp_tracker.h"

#include <bitset>
#include <optional>

#include "model/netfilter/sctp_chunks.h"
#include "model/packet/checksum.h"

namespace kubeproof::netfilter {
namespace {

using ChunkSet = std::bitset<256>;

// The types of the chunks; empty where they are not a packet: none, one of no length, or one that
// has to stand alone or first and does not (do_basic_checks()).
std::optional<ChunkSet> chunks_of(ByteView segment) {
  ChunkSet chunks;
  bool sound = true;
  bool alone = false;
  size_t count = 0;
  visit_sctp_chunks(segment, [&](const SctpChunk& chunk) {
    alone |= chunk.type == kSctpInit || chunk.type == kSctpInitAck ||
             chunk.type == kSctpShutdownComplete;
    const bool first = alone || chunk.type == kSctpCookieEcho || chunk.type == kSctpCookieAck;
    sound = chunk.length != 0 && !(first && count != 0);
    chunks.set(chunk.type);
    ++count;
    return sound;
  });
  if (!sound || count == 0) return std::nullopt;
  return chunks;
}

// One packet's way through the tracker.
class SctpStep {
 public:
  SctpStep(SctpState& state, Direction direction, ByteView segment, const ChunkSet& chunks)
      : state_(state),
        direction_(direction),
        own_(static_cast<size_t>(direction)),
        peer_(1 - own_),
        segment_(segment),
        tag_(load32(segment, 4)),
        chunks_(chunks) {}

  // sctp_new(), and what comes before it.
  bool start() {
    if (chunks_[kSctpAbort] || chunks_[kSctpShutdownComplete] || chunks_[kSctpCookieAck]) {
      return false;
    }
    state_ = {};
    bool starts = true;
    visit_sctp_chunks(segment_, [&](const SctpChunk& chunk) {
      starts = note_start(chunk);
      return starts;
    });
    return starts;
  }

  bool run() {
    if (!may_have_other_tag() && tag_ != state_.tags[own_]) return false;
    bool valid = true;
    visit_sctp_chunks(segment_, [&](const SctpChunk& chunk) {
      valid = take(chunk);
      return valid;
    });
    return valid;
  }

  // Where the last chunk led, for the timeout.
  SctpPhase phase() const { return after_; }
  // Let through without a longer life.
  bool keeps_deadline() const { return keeps_deadline_; }
  bool established() const { return established_; }

 private:
  bool note_start(const SctpChunk& chunk) {
    const auto phase = sctp_transition(Direction::kOriginal, chunk.type, SctpPhase::kNone);
    if (!phase || *phase == SctpPhase::kNone) return false;
    if (chunk.type == kSctpInit) {
      const auto initiate = chunk.initiate_tag();
      if (tag_ != 0 || !initiate) return false;
      state_.tags[1] = *initiate;
    } else if (chunk.type == kSctpHeartbeat) {
      state_.tags[0] = tag_;
    } else if (chunk.type == kSctpShutdownAck) {
      state_.tags[1] = tag_;
    }
    return true;
  }

  // Chunks that have rules of their own about tags.
  bool may_have_other_tag() const {
    return chunks_[kSctpInit] || chunks_[kSctpShutdownComplete] || chunks_[kSctpCookieEcho] ||
           chunks_[kSctpAbort] || chunks_[kSctpShutdownAck] || chunks_[kSctpHeartbeat] ||
           chunks_[kSctpHeartbeatAck];
  }

  bool take(const SctpChunk& chunk) {
    bool counts = true;
    if (!check_tag(chunk, counts)) return false;
    if (!counts) return true;
    const SctpPhase before = state_.phase;
    const auto next = sctp_transition(direction_, chunk.type, before);
    if (!next) return false;
    after_ = *next;
    if (chunk.type == kSctpInit && !note_init(chunk, before)) return false;
    if (chunk.type == kSctpInitAck && !note_init_ack(chunk)) return false;
    state_.phase = after_;
    established_ |= before != after_ && after_ == SctpPhase::kEstablished;
    return true;
  }

  bool check_tag(const SctpChunk& chunk, bool& counts) {
    switch (chunk.type) {
      case kSctpInit:
        return tag_ == 0;
      case kSctpAbort:
      case kSctpShutdownComplete:
        return tag_ == state_.tags[chunk.peers_tag ? peer_ : own_];
      case kSctpCookieEcho:
        return tag_ == state_.tags[own_];
      case kSctpCookieAck:
        state_.initiated = {};
        return true;
      case kSctpHeartbeat:
      case kSctpHeartbeatAck:
        return check_heartbeat(chunk, counts);
      default:
        return true;
    }
  }

  // A heartbeat with another tag may come from a restarted peer: its answer tells.
  bool check_heartbeat(const SctpChunk& chunk, bool& counts) {
    uint32_t& known = state_.tags[own_];
    if (known == 0) {
      known = tag_;
      return true;
    }
    if (tag_ == known) {
      state_.heartbeat_failed = false;
      return true;
    }
    if (chunks_[kSctpData] || keeps_deadline_) return false;
    if (chunk.type == kSctpHeartbeat) {
      state_.heartbeat_failed = true;
      state_.heartbeat_direction = static_cast<uint8_t>(own_);
      keeps_deadline_ = true;
      counts = false;
      return true;
    }
    if (!state_.heartbeat_failed || state_.heartbeat_direction == own_) return false;
    state_.heartbeat_failed = false;
    known = tag_;
    state_.tags[peer_] = 0;
    return true;
  }

  bool note_init(const SctpChunk& chunk, SctpPhase before) {
    const auto initiate = chunk.initiate_tag();
    if (!initiate) return false;
    // Sent again, it says nothing new.
    if (before == SctpPhase::kNone || state_.tags[peer_] != *initiate) {
      if (state_.initiated[own_]) state_.initiated[peer_] = false;
      state_.initiated[own_] = true;
    }
    state_.tags[peer_] = *initiate;
    // Repeated, it does not keep a connection alive that never gets an answer.
    if (after_ == SctpPhase::kClosed && before == SctpPhase::kClosed) keeps_deadline_ = true;
    return true;
  }

  bool note_init_ack(const SctpChunk& chunk) {
    const auto initiate = chunk.initiate_tag();
    if (!initiate) return false;
    const uint32_t known = state_.tags[peer_];
    if (!state_.initiated[peer_] && known != 0 && known != *initiate) return false;
    if (state_.initiated[own_] && state_.initiated[peer_] && known != *initiate) return false;
    state_.tags[peer_] = *initiate;
    return true;
  }

  SctpState& state_;
  const Direction direction_;
  const size_t own_;
  const size_t peer_;
  const ByteView segment_;
  const uint32_t tag_;
  const ChunkSet& chunks_;
  SctpPhase after_ = SctpPhase::kNone;
  bool keeps_deadline_ = false;
  bool established_ = false;
};

ConntrackSettings::Seconds timeout(SctpPhase phase, const ConntrackSettings& settings) {
  switch (phase) {
    case SctpPhase::kEstablished:
      return settings.sctp_established;
    case SctpPhase::kHeartbeatSent:
      return settings.sctp_heartbeat_sent;
    case SctpPhase::kNone:
    case SctpPhase::kClosed:
      return settings.sctp_closed;
    default:
      return settings.sctp_changing;
  }
}

}  // namespace

TrackVerdict track_sctp(Connection& connection, const TrackedPacket& tracked,
                        const ConntrackSettings& settings, Instant now) {
  const PacketView& view = tracked.view;
  const ByteView segment = tracked.packet.first(view.total_length).subspan(view.transport_offset);
  if (!view.has_ports || tracked.wrong_checksum()) return TrackVerdict::kInvalid;
  const auto chunks = chunks_of(segment);
  if (!chunks) return TrackVerdict::kInvalid;
  SctpStep step(connection.sctp, tracked.direction, segment, *chunks);
  if (!tracked.confirmed && !step.start()) return TrackVerdict::kInvalid;
  const bool valid = step.run();
  connection.assured |= step.established();
  if (!valid) return TrackVerdict::kInvalid;
  if (!step.keeps_deadline() || !tracked.confirmed) {
    connection.deadline = now + timeout(step.phase(), settings);
  }
  return TrackVerdict::kValid;
}

}  // namespace kubeproof::netfilter
