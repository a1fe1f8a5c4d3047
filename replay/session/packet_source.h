// Where a packet of a run came from, for people who look for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kubeproof {

struct PacketSource {
  std::string_view input;    // the capture or the case
  size_t step = 0;           // of a case, from 1; 0 otherwise
  std::string_view capture;  // of a case's capture step
  uint64_t frame = 0;        // of a capture, from 1; 0 otherwise
  size_t packet = 0;         // of a conversation, from 1; 0 otherwise
  uint32_t file = 0;         // of the frame, in the list of captures

  // "lab.pcap frame 17", "web.json step 3 packet 2", "web.json step 1 (a.pcap) frame 4".
  std::string to_string() const;
};

}  // namespace kubeproof
