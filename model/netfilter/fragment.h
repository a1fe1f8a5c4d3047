// What a fragment says of its datagram, in either family.
#pragma once

#include <cstdint>
#include <optional>

#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

struct Fragment {
  ByteView packet;  // as it came
  ByteView payload;
  uint32_t offset = 0;
  uint32_t identification = 0;
  bool more = false;  // behind it
  bool dont_fragment = false;
  uint8_t congestion = 0;  // the ECN codepoint

  // Empty for packets that are not to be put together: IPv4 that is whole, IPv6 without a fragment
  // header or without a length (which a jumbogram's option gives), and a first IPv6 fragment in
  // which the transport header is not whole (ipv6frag_thdr_truncated()).
  static std::optional<Fragment> of(ByteView packet, const PacketView& view);

  // As if the datagram had never been cut; its lengths are the caller's to set.
  Bytes header(const PacketView& view) const;
};

}  // namespace kubeproof::netfilter
