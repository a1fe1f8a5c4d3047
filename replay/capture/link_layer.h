// The link-layer headers of captures, down to the IP packet in them: what direction the captured
// node saw, and on which interface. LINKTYPE_* as https://www.tcpdump.org/linktypes.html describes
// them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "model/packet/bytes.h"

namespace kubeproof {

// Which way a frame went, as far as its link-layer header tells.
enum class Heading : uint8_t {
  kUnknown,
  kEntering,  // to the captured node
  kLeaving,   // from it
  kPassing,   // for another host: seen by a bridge or in promiscuous mode
  kLogged,    // logged in OUTPUT: made by the node, not translated yet
};

enum class LinkFailure : uint8_t {
  kTooShort,
  kNotIp,
  kOtherHook,  // logged elsewhere than in OUTPUT or PREROUTING
};

using MacAddress = std::array<uint8_t, 6>;

struct LinkView {
  ByteView packet;  // from the network header on, with padding
  Heading heading = Heading::kUnknown;
  std::optional<uint32_t> interface;  // index on the captured node
  bool loopback = false;
  bool tagged = false;  // VLAN tags stood between the link-layer header and the packet
  // Ethernet only: the heading follows from whose they are.
  std::optional<MacAddress> source;
  std::optional<MacAddress> destination;
};

// `link_type` is libpcap's DLT_….
bool is_supported_link_type(int link_type);
std::string supported_link_types();

// Whether captures of this type come from `-i any` and so show what leaves as well as what enters.
bool shows_departures(int link_type);
// Whether they tell, or let one work out, which way a frame went.
bool tells_direction(int link_type);
// Whether captures of this type hold what the node's own processes send, before translation.
bool shows_host_packets(int link_type);

tl::expected<LinkView, LinkFailure> parse_link(int link_type, ByteView frame);

}  // namespace kubeproof
