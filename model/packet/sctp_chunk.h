// The chunks that packets of an SCTP association carry (RFC 9260, section 3.3).
#pragma once

#include <cstdint>

#include "model/packet/bytes.h"

namespace kubeproof {

enum SctpChunkType : uint8_t {
  kSctpData = 0,
  kSctpInit = 1,
  kSctpInitAck = 2,
  kSctpSelectiveAck = 3,
  kSctpHeartbeat = 4,
  kSctpHeartbeatAck = 5,
  kSctpAbort = 6,
  kSctpShutdown = 7,
  kSctpShutdownAck = 8,
  kSctpError = 9,
  kSctpCookieEcho = 10,
  kSctpCookieAck = 11,
  kSctpEcnEcho = 12,
  kSctpWindowReduced = 13,
  kSctpShutdownComplete = 14,
};

// One chunk, with all that its type has at least. `senders_tag` is what INIT and INIT ACK announce;
// `payload` is for DATA.
Bytes sctp_chunk(uint8_t type, uint32_t senders_tag, uint16_t payload);

}  // namespace kubeproof
