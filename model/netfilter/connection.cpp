#include "model/netfilter/connection.h"

namespace kubeproof::netfilter {

Connection Connection::with_drawn_port(uint16_t port) const {
  Connection known = *this;
  known.drawn_from.reset();
  FlowTuple translated = reply.inverse();
  translated.source_port = port;
  known.reply = translated.inverse();
  // Drawing what was there already translates nothing.
  known.source_nat = translated.source != original.source || port != original.source_port;
  return known;
}

}  // namespace kubeproof::netfilter
