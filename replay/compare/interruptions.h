// What came between the fragments of a datagram. netfilter puts it together first and sees nothing
// of it before it is whole; a datapath that sends fragments on as they come has decided by then.
#pragma once

#include <cstdint>
#include <deque>
#include <span>

#include "model/packet/packet_view.h"
#include "replay/compare/flow_key.h"
#include "replay/compare/match.h"

namespace kubeproof {

// Of a datagram whose first fragment left.
struct Interrupted {
  PacketView first;  // that fragment, as it came
  PacketView left;   // and as it left
  // Since then, another flow has had one of the tuples that this one would have.
  bool tuple_taken = false;
  // Its own flow may have begun otherwise: another packet of it, or another configuration, has
  // come.
  bool begun_otherwise = false;
};

class Interruptions {
 public:
  // Takes note of a packet and of what left; of a later fragment, returns what has come between its
  // first one and it. Valid until the next call.
  const Interrupted* note(const PacketView& packet, std::span<const Seen> whole,
                          std::span<const Seen> pieces);
  void note_configuration();

 private:
  struct Datagram : Interrupted {
    FlowKey came_as;
    FlowKey left_as;
  };

  void note_between(const PacketView& packet, std::span<const Seen> whole,
                    std::span<const Seen> pieces);

  std::deque<Datagram> datagrams_;  // the oldest first; of very many they are forgotten
};

}  // namespace kubeproof
