// What the import of captures met, counted by kind, with the place of the first of each: nothing is
// left out silently.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "replay/capture/captured_packet.h"

namespace kubeproof {

enum class ImportNote : uint8_t {
  // Imported, but changed or merged on the way.
  kRepeatedSighting,
  kTranslatedAtBridge,
  kDeparture,
  kAnswer,
  kSegmented,
  kPartialChecksum,
  kFragment,
  kVlanTag,
  kAsItLeft,
  // Set aside.
  kStackTraffic,
  kLoopback,
  kBridged,
  kUnexplainedDeparture,
  kUnknownSegments,
  kTooLarge,
  kOtherHook,
  kNotIp,
  kCutBySnapLength,
  kMalformedLink,
  kMalformedHeader,
  // The rest of a file was not read.
  kFileDamage,
  kCount,
};

// "frames_cut_by_snap_length", for machines.
std::string_view name_of(ImportNote note);
// "cut by the snap length", for people.
std::string_view describe(ImportNote note);
// Whether frames of this kind are not replayed.
bool is_set_aside(ImportNote note);

class ImportSummary {
 public:
  struct Count {
    uint64_t count = 0;
    FramePlace first;
  };

  void note(ImportNote note, const FramePlace& place);
  // A file that ends before its end: one line, with what libpcap said.
  void note_damage(const FramePlace& place, std::string line);

  const Count& operator[](ImportNote note) const { return counts_[static_cast<size_t>(note)]; }
  const std::vector<std::string>& damage() const { return damage_; }

  uint64_t frames = 0;   // read from the files
  uint64_t packets = 0;  // given to the replay

  // One line for each kind that occurred, with the first frame: "3 not IP (first: a.pcap frame
  // 17)".
  std::vector<std::string> lines(const std::vector<std::string>& files) const;

 private:
  std::array<Count, static_cast<size_t>(ImportNote::kCount)> counts_{};
  std::vector<std::string> damage_;
};

}  // namespace kubeproof
