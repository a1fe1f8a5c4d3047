#include "model/packet/sctp_chunk.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

// RFC 9260, section 3.3; RFC 4960, appendix A, for what notifies of congestion.
TEST(SctpChunk, IsAsLongAsItsTypeDemands) {
  const struct {
    uint8_t type;
    size_t least;
  } kinds[] = {{kSctpData, 17},         {kSctpInit, 20},         {kSctpInitAck, 20},
               {kSctpSelectiveAck, 16}, {kSctpHeartbeat, 8},     {kSctpHeartbeatAck, 8},
               {kSctpAbort, 4},         {kSctpShutdown, 8},      {kSctpShutdownAck, 4},
               {kSctpError, 4},         {kSctpCookieEcho, 4},    {kSctpCookieAck, 4},
               {kSctpEcnEcho, 8},       {kSctpWindowReduced, 8}, {kSctpShutdownComplete, 4}};
  for (const auto& kind : kinds) {
    const Bytes chunk = sctp_chunk(kind.type, 7, 0);
    EXPECT_GE(chunk.size(), kind.least) << "type " << int{kind.type};
    EXPECT_EQ(load16(chunk, 2), chunk.size()) << "type " << int{kind.type};
  }
}

}  // namespace
}  // namespace kubeproof
