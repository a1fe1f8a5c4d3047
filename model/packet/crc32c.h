// CRC32c, the checksum of SCTP (RFC 9260 appendix A).
#pragma once

#include <cstdint>

#include "model/packet/bytes.h"

namespace kubeproof {

uint32_t crc32c(ByteView bytes);

// For bytes that come in pieces: starts from all ones, and the result is to be complemented.
uint32_t crc32c_step(uint32_t crc, ByteView bytes);

}  // namespace kubeproof
