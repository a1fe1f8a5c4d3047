#include "replay/engine/free_port.h"

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"
#include "model/packet/translate.h"

namespace kubeproof {

namespace {

void substitute_quoted_port(MutableByteView packet, const PacketView& view, size_t at,
                            uint16_t port) {
  const size_t start = view.transport_offset + kIcmpHeaderSize;
  const MutableByteView quote = packet.subspan(start);
  auto quoted = parse_quoted_packet(quote);
  if (!quoted || !quoted->has_ports) return;
  if (at == start + quoted->transport_offset) {
    rewrite_source(quote, *quoted, {quoted->source, port});
  } else {
    rewrite_destination(quote, *quoted, {quoted->destination, port});
  }
  if (const auto checksum = transport_checksum(packet, view)) {
    store16(packet, view.transport_offset + size_t{2}, static_cast<uint16_t>(*checksum));
  }
}

}  // namespace

void substitute_port(MutableByteView packet, size_t at, uint16_t port) {
  auto view = parse_packet(packet);
  if (!view) return;
  if (is_icmp_error(*view)) return substitute_quoted_port(packet, *view, at, port);
  if (!view->has_ports) return;
  if (at == view->transport_offset + size_t{2}) {
    rewrite_destination(packet, *view, {view->destination, port});
  } else {
    rewrite_source(packet, *view, {view->source, port});
  }
}

}  // namespace kubeproof
