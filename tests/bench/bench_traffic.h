// Packets to measure with: the flow that is established before the clock starts, and as many new
// ones as a measurement asks for.
#pragma once

#include <cstdint>

#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

// The client's segments of one connection. Flows of a clusters' last service show what a walk along
// all of them would cost.
Bytes opening_segment(const SocketAddress& client, const SocketAddress& server);
Bytes data_segment(const SocketAddress& client, const SocketAddress& server);
// The server's, from the endpoint that the client's opening segment was sent on to.
Bytes opening_answer(ByteView emission);
Bytes data_answer(ByteView emission);

SocketAddress bench_client();
// An address that no rule speaks of.
SocketAddress bench_elsewhere();

// Opening segments of a new flow each: clients differ by address and port, packets by their
// identification. None whose checksum happens to be the sum of its pseudo header, one in 65,536:
// the program at XDP leaves such to tc, as it cannot tell whether the checksum is still to be
// computed.
class NewFlows {
 public:
  explicit NewFlows(const SocketAddress& server);

  ByteView next();

 private:
  void begin_another();

  Bytes packet_;
  PacketView view_;
  uint32_t flows_ = 0;
};

}  // namespace kubeproof
