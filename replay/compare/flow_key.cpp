#include "replay/compare/flow_key.h"

namespace kubeproof {

FlowKey FlowKey::between(const SocketAddress& a, const SocketAddress& b, uint8_t protocol) {
  return a <= b ? FlowKey{a, b, protocol} : FlowKey{b, a, protocol};
}

FlowKey flow_key(const PacketView& view) {
  return FlowKey::between(view.source_endpoint(), view.destination_endpoint(), view.protocol);
}

std::optional<FlowKey> flow_key(ByteView packet) {
  const auto view = parse_packet(packet);
  if (!view) return std::nullopt;
  if (is_icmp_error(*view)) {
    const size_t quote = view->transport_offset + kIcmpHeaderSize;
    const auto quoted = parse_quoted_packet(packet.subspan(quote, view->total_length - quote));
    if (quoted) return flow_key(*quoted);
  }
  return flow_key(*view);
}

}  // namespace kubeproof
