// What an engine did with one packet, and what the reference permits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/node/world.h"
#include "model/packet/bytes.h"

namespace kubeproof {

// A packet given to an engine.
struct Injection {
  Ingress ingress;
  ByteView packet;    // from the network header; trailing bytes are not part of it
  uint32_t mark = 0;  // skb->mark on entry
};

// Where an emission went: out of an interface, or to the node's own sockets.
struct Place {
  uint32_t interface = 0;  // index; 0 is the node's sockets

  static Place sockets() { return {}; }
  bool is_sockets() const { return interface == 0; }
  friend bool operator==(const Place&, const Place&) = default;
};

struct Emission {
  Place place;
  Bytes packet;  // from the network header up to the IP total length
};

// All that an engine did with one packet. Empty `emissions` is a drop. Reused from packet to
// packet: clear() keeps the buffers.
class Fate {
 public:
  void clear();
  Emission& add_emission(Place place, ByteView packet);

  const Emission* begin() const { return emissions_.data(); }
  const Emission* end() const { return emissions_.data() + count_; }
  size_t size() const { return count_; }
  bool dropped() const { return count_ == 0; }
  const Emission& operator[](size_t i) const { return emissions_[i]; }

  // The engine's own words, filled only while it is asked to explain (Engine::explain).
  std::vector<std::string> trace;

 private:
  std::vector<Emission> emissions_;  // the first count_ are in use
  size_t count_ = 0;
};

// A field that netfilter was free to choose: a source port or an ICMP identifier (host order).
struct FreePort {
  uint16_t packet_offset = 0;  // where it stands in the emission, in bytes from the network header
  uint16_t first = 0;          // inclusive range
  uint16_t last = 0;
};

// Four bytes of IPv4 options that the kernel's clock wrote: milliseconds since midnight (RFC 791).
struct ClockField {
  uint16_t packet_offset = 0;  // in the emission
  // The checksum of the IPv4 header that it stands in knows of it. The kernel mends that only when
  // it forwards.
  bool in_header_checksum = false;
};

struct PermittedEmission {
  Place place;
  // With zero in a free port and for the time, checksums valid for that zero. A datagram that
  // leaves in fragments is given whole, with the packet that completes it.
  Bytes packet;
  std::optional<FreePort> free_port;
  bool free_identification = false;  // made by the node itself: any IPv4 identification
  // Likewise four bytes of an ICMPv6 error here: what it quotes the node has cut.
  std::optional<uint16_t> free_quoted_identification;
  // Was put together from fragments: whether IPv4 DF is set on those that leave depends on how the
  // kernel's buffers lie.
  bool free_dont_fragment = false;
  std::vector<ClockField> clocks;
};

// One fate that the reference permits.
struct Outcome {
  double probability = 1.0;
  std::vector<PermittedEmission> emissions;
  // Which decisions led here, for `expect` and for people; filled for first packets of a flow.
  std::optional<SocketAddress> endpoint;  // the destination that DNAT chose
  bool masquerade = false;
  bool rejected = false;  // the emission is an ICMP error made by a REJECT rule
  // A match, a target, or a protocol's conntrack, that is not understood would have decided: what
  // becomes of the packet cannot be said, and the emissions say nothing.
  bool undecided = false;
  std::vector<std::string> trace;  // rules traversed; filled while asked to explain
};

}  // namespace kubeproof
