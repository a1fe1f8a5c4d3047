// A generated timeline, small enough to read: a node, states of a cluster, flows through it and
// what happens to them. The packets themselves come out of it only as it is played (player.h),
// since whoever answers does so to what the engine sent it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/node_spec.h"
#include "model/node/world.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"
#include "replay/explore/damage.h"

namespace kubeproof::explore {

// Who speaks to whom. The client sends from where it is; the server is whoever its packets reach.
struct FlowPlan {
  Ingress ingress;
  SocketAddress from;  // ICMP echo: the port is the identifier
  SocketAddress to;
  uint8_t protocol = kUdp;
  uint32_t mark = 0;
  uint8_t query = 0;  // the type of ICMP message that it is made of; 0: echo requests
};

enum class Actor : uint8_t { kClient, kServer };

enum class Defect : uint8_t {
  kNone,
  kBadTransportChecksum,
  kBadHeaderChecksum,  // IPv4
  kNoChecksum,         // UDP
};

// What stands between a packet's IP header and its transport header.
enum class Options : uint8_t {
  kNone,
  kPadding,      // IPv4 NOP, IPv6 hop-by-hop options of padding
  kRouterAlert,  // IPv4 and IPv6
  kUnknown,      // an IPv4 option of no meaning; IPv6 destination options
  kBroken,       // an option that runs past the end of the header
};

// What goes wrong with the fragments of a datagram, beside their order.
enum class FragmentFault : uint8_t { kNone, kOneMissing, kOneTwice };

// How a packet looks, beside what its flow says.
struct PacketShape {
  uint8_t ttl = 64;
  uint8_t tos = 0;
  bool dont_fragment = true;
  uint16_t identification = 1;
  uint16_t payload = 8;        // bytes
  uint16_t fragment_size = 0;  // payload bytes of each fragment; 0: whole
  uint16_t first_share = 0;    // of the first of them, where it has another number
  bool fragments_reversed = false;
  FragmentFault fragment_fault = FragmentFault::kNone;
  Defect defect = Defect::kNone;
  Options options = Options::kNone;
  std::vector<Bytes> drawn_options;  // in place of `options`, as draw_options() makes them
  // Where not zero, the transport header and payload end after so many bytes; the IP header says so
  // too, unless the packet is to be shorter than it claims.
  uint8_t cut_to = 0;
  bool cut_silently = false;
  Damage damage = {};  // last of all; of a datagram in fragments, to one of them
};

struct PacketStep {
  size_t flow = 0;
  Actor actor = Actor::kClient;
  bool repeated = false;  // the same bytes as this actor's last packet
  uint8_t tcp_flags = 0;
  uint8_t sctp_chunk = 1;  // its type; 1 is INIT
  // TCP: from where its sender's next byte belongs; SCTP: from the right verification tag.
  int32_t sequence_offset = 0;
  PacketShape shape;
};

// Somebody on the way sends an ICMP error about the last packet of the actor as it was seen behind
// the node.
struct ErrorStep {
  size_t flow = 0;
  Actor about = Actor::kClient;
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t info = 0;
  uint16_t quoted = 28;  // bytes at most, IP header included
  bool from_router = false;
  Damage damage = {};
  // From a link: in fragments, of which the first has so many bytes; 0: whole.
  uint16_t first_share = 0;
};

struct AdvanceStep {
  std::chrono::seconds duration{};
};

// The cluster's next state.
struct ChangeStep {
  size_t cluster = 0;
};

using Step = std::variant<PacketStep, ErrorStep, AdvanceStep, ChangeStep>;

struct Scenario {
  uint64_t seed = 0;  // that it was generated from; what was made simpler keeps it
  NodeSpec node;
  World world;  // of that node
  ProxyConfig proxy;
  std::vector<Cluster> clusters;  // the first is there from the start
  std::vector<FlowPlan> flows;
  std::vector<Step> steps;

  // For people; several lines.
  std::string describe() const;
};

std::string describe(const Step& step, const Scenario& scenario);

}  // namespace kubeproof::explore
