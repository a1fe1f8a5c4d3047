// Which datagrams had fragments that came before their first one.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "model/packet/packet_view.h"

namespace kubeproof {

class FragmentOrder {
 public:
  // Takes note of a fragment; returns the one of its datagram that came before the first, and all
  // others. Valid until the next call.
  const PacketView* note(const PacketView& fragment);

 private:
  struct Datagram {
    IpAddress source;
    IpAddress destination;
    uint32_t identification = 0;
    uint8_t protocol = 0;  // IPv4: part of the identity of a datagram
    bool begun = false;
    std::optional<PacketView> overtaken_by{};
  };

  Datagram& find_or_add(const PacketView& fragment);

  std::deque<Datagram> datagrams_;  // the oldest first; of very many they are forgotten
};

}  // namespace kubeproof
