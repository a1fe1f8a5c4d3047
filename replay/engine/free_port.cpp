#include "replay/engine/free_port.h"

#include "model/packet/packet_view.h"
#include "model/packet/translate.h"

namespace kubeproof {

void substitute_port(MutableByteView packet, size_t at, uint16_t port) {
  auto view = parse_packet(packet);
  if (!view || !view->has_ports) return;
  if (at == view->transport_offset + size_t{2}) {
    rewrite_destination(packet, *view, {view->destination, port});
  } else {
    rewrite_source(packet, *view, {view->source, port});
  }
}

}  // namespace kubeproof
