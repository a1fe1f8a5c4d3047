#include "model/packet/sctp_chunk.h"

#include <algorithm>

namespace kubeproof {

Bytes sctp_chunk(uint8_t type, uint32_t senders_tag, uint16_t payload) {
  Bytes chunk = {type, 0, 0, 0};
  const auto append = [&chunk](uint32_t word) {
    chunk.resize(chunk.size() + 4);
    store32(chunk, chunk.size() - 4, word);
  };
  if (type == kSctpInit || type == kSctpInitAck) {
    append(senders_tag);
    append(65535);    // window
    append(0x10001);  // streams
    append(1);        // first transmission sequence number
  } else if (type == kSctpData) {
    chunk[1] = 3;  // a whole message
    for (const uint32_t word : {1U, 0U, 0U}) append(word);
    chunk.resize(chunk.size() + std::max<size_t>(payload, 4) / 4 * 4);
  } else if (type == kSctpHeartbeat || type == kSctpHeartbeatAck || type == kSctpCookieEcho) {
    append(0x10008);
    append(0xabcdef);
  } else if (type == kSctpSelectiveAck) {
    for (const uint32_t word : {1U, 65535U, 0U}) append(word);  // window; no gaps
  } else if (type == kSctpShutdown || type == kSctpEcnEcho || type == kSctpWindowReduced) {
    append(1);  // a transmission sequence number
  }
  store16(chunk, 2, static_cast<uint16_t>(chunk.size()));
  return chunk;
}

}  // namespace kubeproof
