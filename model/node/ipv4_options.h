// IPv4 options as the kernel reads a received packet's, writes into them, and gives them back to
// the sender of what it answers (net/ipv4/ip_options.c): routers record their addresses and the
// time, and nothing mends the header's checksum before a packet is forwarded. Bytes and addresses
// alone; whose addresses they are is for the stack to say.
//
// Left out: following source routes, which net.ipv4.conf.all.accept_source_route forbids by
// default.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "model/packet/address.h"
#include "model/packet/bytes.h"

namespace kubeproof {

// What the kernel notes as it reads them (struct ip_options). Options by their place in the packet;
// 0: there is none.
struct Ipv4OptionNotes {
  uint8_t record_route = 0;
  uint8_t timestamp = 0;
  uint8_t source_route = 0;
  uint8_t security_label = 0;  // CIPSO
  // Something was written into that option: what forwards the packet, or answers it, goes on there.
  bool records_route = false;
  bool records_address_with_time = false;
  bool records_time = false;
  bool changed = false;              // the header's checksum does not know of it
  std::optional<uint16_t> clock_at;  // where the time was written
};

struct Ipv4OptionScene {
  IpAddress recorded;  // the address that goes into a received packet's options
  // As inet_addr_type() has it: a unicast address that is not the node's.
  std::function<bool(const IpAddress&)> is_of_others;
};

// __ip_options_compile() on a received packet with options: clears what stands behind the option
// that ends them, records address and time, which is written as zero. Says where the packet is
// wrong, if it is; what was written before stays.
std::optional<size_t> read_ipv4_options(MutableByteView packet, const Ipv4OptionScene& scene,
                                        Ipv4OptionNotes& notes);

// Whether reading them may change anything.
bool reading_changes_ipv4_options(ByteView packet);

// ip_forward_options(): records the address that a forwarded packet leaves by, and mends the
// checksum. Whether it did.
bool forward_ipv4_options(MutableByteView packet, const IpAddress& leaving_by,
                          Ipv4OptionNotes& notes);

// Where an ICMP error about a packet goes to: back along a source route, or straight to the sender.
IpAddress first_stop_back(ByteView packet, const Ipv4OptionNotes& notes);

// The options of an ICMP error about a packet (__ip_options_echo(), ip_options_build()).
struct Ipv4OptionEcho {
  Bytes options;
  std::vector<uint16_t> clocks_at;  // in `options`, that of the packet included; the time is zero
};

// `source`: of the error. Empty where the kernel gives up, and makes no error.
std::optional<Ipv4OptionEcho> echo_ipv4_options(ByteView packet, const Ipv4OptionNotes& notes,
                                                const Ipv4OptionScene& scene);

}  // namespace kubeproof
