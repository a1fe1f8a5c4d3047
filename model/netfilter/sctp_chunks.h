// The chunks of an SCTP packet (RFC 9260, section 3.2), and the state that each leads to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "model/netfilter/flow_tuple.h"
#include "model/netfilter/sctp_state.h"
#include "model/packet/bytes.h"
#include "model/packet/sctp_chunk.h"

namespace kubeproof::netfilter {

struct SctpChunk {
  uint8_t type = 0;
  bool peers_tag = false;  // flag T: the packet carries the tag of the other direction
  uint16_t length = 0;     // as it claims
  ByteView rest;           // of the packet, from the chunk on

  // Of INIT and INIT ACK; empty where the packet ends before the fixed part of either does.
  std::optional<uint32_t> initiate_tag() const;
};

// Calls visitor(chunk) for each chunk of a packet until it returns false. `segment` begins with the
// common header.
template <class Visitor>  // bool(const SctpChunk&)
void visit_sctp_chunks(ByteView segment, Visitor visitor) {
  constexpr size_t kCommonHeader = 12, kChunkHeader = 4;
  for (size_t at = kCommonHeader; at + kChunkHeader <= segment.size();) {
    const SctpChunk chunk{.type = segment[at],
                          .peers_tag = (segment[at + 1] & 1) != 0,
                          .length = load16(segment, at + 2),
                          .rest = segment.subspan(at)};
    if (!visitor(chunk)) return;
    at += (size_t{chunk.length} + 3) / 4 * 4;
  }
}

// Empty where no such chunk may come (nf_conntrack_proto_sctp.c, sctp_conntracks).
std::optional<SctpPhase> sctp_transition(Direction direction, uint8_t chunk, SctpPhase phase);

}  // namespace kubeproof::netfilter
