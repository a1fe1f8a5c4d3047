// From a captured frame to a sighting of an IP packet, or to the note why it is none: not IP, cut
// by the snap length, malformed, an IP stack's own business.
#pragma once

#include <optional>
#include <vector>

#include "model/node/world.h"
#include "replay/capture/capture_file.h"
#include "replay/capture/import_summary.h"
#include "replay/capture/sighting.h"

namespace kubeproof {

class SightingReader {
 public:
  // Both must outlive the reader.
  SightingReader(const World& world, ImportSummary& summary);

  // The sighting refers to the frame's bytes.
  std::optional<Sighting> read(int link_type, const Frame& frame, uint32_t file);

 private:
  Heading heading_of(const LinkView& link, const PacketView& view);
  bool is_own(const MacAddress& mac) const;
  void learn(const IpAddress& address, const MacAddress& mac);

  const World& world_;
  ImportSummary& summary_;
  // Ethernet addresses of the node: that of an interface of the world, and any that carried one of
  // the node's own IP addresses.
  std::vector<MacAddress> own_macs_;
};

// Packets that an IP stack sends on its own account, which no two engines need to agree on.
bool is_stack_traffic(const PacketView& view);

}  // namespace kubeproof
