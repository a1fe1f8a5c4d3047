// Datagrams that arrive in fragments. Conntrack wants them whole, and holds the fragments back
// until the last one has come (net/ipv4/ip_fragment.c, net/ipv6/netfilter/nf_conntrack_reasm.c).
// Left out: limits of memory, and ipfrag_max_dist.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "model/netfilter/connection.h"
#include "model/netfilter/fragment.h"
#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

// What fragments of one datagram have in common. Those that the node sends and those that it
// receives are not mixed.
struct DatagramKey {
  IpAddress source{};
  IpAddress destination{};
  uint8_t protocol = 0;  // IPv4 only
  uint32_t identification = 0;
  bool outgoing = false;

  size_t hash() const;
  friend bool operator==(const DatagramKey&, const DatagramKey&) = default;
};

// Of a datagram in IPv6, which is cut again where it was cut: the first fragment.
struct FirstPiece {
  size_t header_size = 0;  // ahead of the fragment header
  size_t named_at = 0;     // the field that names that one
  size_t payload_size = 0;
  uint32_t identification = 0;

  // Out of the datagram as it is now.
  Bytes of(ByteView datagram) const;
};

// A datagram again whole, and the size of the largest fragment that it came in: it leaves in
// fragments no larger.
struct Reassembled {
  Bytes packet;
  size_t largest_fragment = 0;
  std::optional<FirstPiece> first_piece;  // IPv6, where there are others
};

// The fragments of one datagram, so far.
class FragmentQueue {
 public:
  enum class Status : uint8_t {
    kWaiting,
    kComplete,
    kRefused,  // the fragment is lost, but for what its end says; those before it wait on
    kSpoilt,   // fragments that contradict each other: all are lost
    kNoPiece,  // all are lost, but for the last: it goes on by itself
  };

  explicit FragmentQueue(Instant now, Family family);

  Status add(const Fragment& fragment, const PacketView& view);
  // Of a complete queue. Empty where the whole would be too large, or where congestion marks
  // contradict each other.
  std::optional<Reassembled> reassemble() const;
  // Nothing is left of it from then on (ipfrag_time, nf_conntrack_frag6_timeout).
  Instant deadline() const { return deadline_; }

  friend bool operator==(const FragmentQueue&, const FragmentQueue&) = default;

 private:
  struct Piece {
    uint32_t begin = 0;
    Bytes payload;

    uint32_t end() const { return begin + static_cast<uint32_t>(payload.size()); }
    friend bool operator==(const Piece&, const Piece&) = default;
  };
  enum class Place : uint8_t { kFree, kDuplicate, kOverlap };

  // What the fragment's end says of the datagram's; kWaiting where nothing is wrong with it.
  Status learn_length(const Fragment& fragment, uint32_t& end);
  Place place_of(uint32_t begin, uint32_t end) const;
  void insert(Piece piece);
  bool complete() const;

  Family family_;
  Instant deadline_;
  std::vector<Piece> pieces_;  // by offset, without overlaps
  Bytes header_;               // of the first fragment, as if it were the whole
  size_t named_at_ = 0;        // where it named the fragment header
  uint32_t identification_ = 0;
  uint32_t length_ = 0;  // of the payload, as far as it is known
  bool last_seen_ = false;
  uint8_t congestion_ = 0;  // a bit for each ECN codepoint seen
  size_t largest_ = 0;
  size_t largest_unfragmentable_ = 0;  // with DF
};

class FragmentQueues {
 public:
  // Null where no fragment of the datagram is waiting.
  const FragmentQueue* find(const DatagramKey& key, Instant now) const;
  void put(const DatagramKey& key, FragmentQueue queue, Instant now);
  void erase(const DatagramKey& key) { queues_.erase(key); }

 private:
  struct KeyHash {
    size_t operator()(const DatagramKey& key) const { return key.hash(); }
  };
  std::unordered_map<DatagramKey, FragmentQueue, KeyHash> queues_;
  size_t sweep_at_ = 64;
};

}  // namespace kubeproof::netfilter
