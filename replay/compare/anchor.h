// A capture from a real node holds the replies of the endpoints that *that* node picked. An engine
// under test picks its own, and its own masquerade ports, so the captured replies would belong to
// no flow of its. Here they are moved: a captured packet that answers a captured departure is given
// to the engine as the answer to what the engine itself emitted for the same original packet.
//
//   captured   C:4000 > VIP:80    left as  N:1111 > E1:8080     reply  E1:8080 > N:1111
//   engine     C:4000 > VIP:80    emitted  N:2222 > E2:8080     given  E2:8080 > N:2222
//
// ICMP errors that quote a captured departure are moved likewise. Of a packet that the captured
// node delivered to its own sockets no departure is seen, and of the answer only what left,
// translated back; the engine is then given the answer from the socket that it delivered to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "model/node/fate.h"
#include "model/node/ingress_index.h"
#include "model/node/world.h"
#include "model/packet/packet_view.h"
#include "replay/capture/captured_packet.h"

namespace kubeproof {

// One direction of a flow.
struct Tuple {
  SocketAddress source;
  SocketAddress destination;
  uint8_t protocol = 0;

  Tuple reversed() const { return {destination, source, protocol}; }
  friend bool operator==(const Tuple&, const Tuple&) = default;
};

struct TupleHash {
  size_t operator()(const Tuple& tuple) const;
};

// Forgets old entries in bulk, so that a long capture stays in bounded memory.
class TupleMap {
 public:
  explicit TupleMap(size_t capacity = size_t{1} << 18) : capacity_(capacity) {}

  void set(const Tuple& key, const Tuple& value);
  void erase(const Tuple& key);
  const Tuple* find(const Tuple& key) const;

 private:
  using Map = std::unordered_map<Tuple, Tuple, TupleHash>;
  size_t capacity_;
  Map young_;
  Map old_;
};

class Anchor {
 public:
  explicit Anchor(const World& world) : ingresses_(world) {}

  // The packet to give to the engine in place of the captured one. Valid until the next call, and
  // as long as `captured` is.
  Injection anchor(const CapturedPacket& captured);

  // What the engine did with it.
  void learn(const CapturedPacket& captured, const Fate& fate);
  // The same, where the one emission that matters is known.
  void learn(const CapturedPacket& captured, ByteView emission);

  // How many packets were given otherwise than captured.
  uint64_t moved() const { return moved_; }

 private:
  void learn_tuples(const CapturedPacket& captured, const Tuple& original, const Tuple& engine);
  bool move_reply(const PacketView& view, const CapturedPacket& captured, Injection& injection);
  bool move_error(const PacketView& view, const CapturedPacket& captured, Injection& injection);

  const IngressIndex ingresses_;
  TupleMap replies_;  // the answer to a captured departure → to the engine's emission
  TupleMap
      delivered_;  // an original packet without departure → the answer to the engine's emission
  Bytes packet_;
  uint64_t moved_ = 0;
};

}  // namespace kubeproof
