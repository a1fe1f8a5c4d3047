#include "model/netfilter/packet_path.h"

namespace kubeproof::netfilter {

void PacketPath::start() {
  largest_fragment = 0;
  first_piece.reset();
  mark = 0;
  in = out = nullptr;
  route = {};
  attachment.kind = Attachment::Kind::kNone;
  next_function = 0;
  looped = made_by_node = ended = false;
  left.clear();
  options = {};
  clocks.clear();
  cut_identification.reset();
  probability = 1;
  change.clear();
  endpoint.reset();
  masquerade = rejected = undecided = false;
  trace.clear();
}

}  // namespace kubeproof::netfilter
