// The sightings of the last moments, which may still turn out to be one packet with others: found
// by any of up to three keys, given out in the order in which the packets entered the node. Buffers
// are used again, so that a long capture allocates little.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

#include "replay/capture/sighting.h"

namespace kubeproof {

// A packet that entered the node, or one seen leaving that nothing explains yet.
struct PendingSighting {
  enum class Kind : uint8_t {
    kEntering,
    kBridged,  // for another host, unless the node's own stack turns out to have it too
    kHost,     // made by a process of the node
    kLeaving,
  };
  using Departure = CapturedPacket::Departure;

  Kind kind = Kind::kEntering;
  Bytes packet;
  PacketView view;
  uint64_t order = 0;
  std::chrono::nanoseconds time{};
  FramePlace place;
  std::optional<uint32_t> interface;
  bool direction_known = true;
  bool loopback = false;
  bool taken = false;             // joined to another one
  bool past_bridge_port = false;  // seen on the bridge as well as at its port
  // Left through a port of the bridge, translated: not forwarded, so its TTL stayed.
  bool translated_across_bridge = false;
  std::vector<Departure> departures;

  // Links of the keys' chains, and the place in the order.
  std::array<uint64_t, 3> keys{};
  uint8_t key_count = 0;
};

class PendingSightings {
 public:
  using Slot = uint32_t;
  // Which property of a packet a key stands for; keys of different kinds never meet.
  enum class Key : uint8_t {
    kContent,
    kWhole,
    kQuote,
    kLeavingContent,
    kLeavingWhole,
    kLeavingAnswer,
  };

  // A fresh one for this sighting, at its place in the order: by `order`, which is unique, once the
  // sighting's time is past.
  Slot add(const Sighting& sighting, PendingSighting::Kind kind, uint64_t order,
           std::chrono::nanoseconds time);
  void index(Slot slot, Key key, uint64_t value);

  PendingSighting& operator[](Slot slot) { return slots_[slot]; }

  // Those with this key, the latest first; at most 512, so that a flood of equal packets stays
  // linear.
  const std::vector<Slot>& find(Key key, uint64_t value);

  // Takes out the first in order, where its time is not after `until`: it is found no more, and
  // stays as it is until it is released.
  std::optional<Slot> take_first(std::chrono::nanoseconds until);
  void release(Slot slot);

  size_t size() const { return order_.size(); }

 private:
  struct Place {
    uint64_t order;
    std::chrono::nanoseconds time;
    Slot slot;
    bool operator>(const Place& other) const { return order > other.order; }
  };
  // Three links for each slot: link 3 * slot + i belongs to its i-th key.
  struct Link {
    uint32_t next = kNone;
    uint32_t previous = kNone;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  static uint64_t tagged(Key key, uint64_t value) {
    return (value & ~uint64_t{7}) | static_cast<uint64_t>(key);
  }
  void unlink(Slot slot);

  std::vector<PendingSighting> slots_;
  std::vector<Link> links_;
  std::vector<Slot> free_;
  std::unordered_map<uint64_t, uint32_t> heads_;
  std::priority_queue<Place, std::vector<Place>, std::greater<>> order_;
  std::vector<Slot> found_;
};

}  // namespace kubeproof
