// What conntrack reads from a TCP segment.
#pragma once

#include <cstdint>
#include <optional>

#include "model/netfilter/tcp_state.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

struct TcpSegment {
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint32_t end = 0;  // sequence number after the segment; SYN and FIN count one each
  uint16_t window = 0;
  bool syn = false;
  bool fin = false;
  bool rst = false;
  bool ack = false;
  TcpKind kind = TcpKind::kNone;
  ByteView options;

  // Empty for headers that are cut short and for combinations of flags that mean nothing
  // (tcp_error()).
  static std::optional<TcpSegment> parse(ByteView packet, const PacketView& view);

  // Window scale and SACK permission of a SYN. Without any option, `side` stays as it is.
  void read_syn_options(TcpSide& side) const;

  // The highest right edge of its SACK blocks, or the acknowledgement where that is higher.
  uint32_t highest_acknowledgement() const;
};

}  // namespace kubeproof::netfilter
