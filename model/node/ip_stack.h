// What the Linux IP stack does with a packet around the hooks: sanity of headers, martians, local
// or forward, TTL, MTU, and the ICMP errors that a router owes. One step per place between two
// hooks, in the kernel's order, so that an interpreter of netfilter and a simulation of BPF hooks
// can share them:
//
//   receive()      net/ipv4/ip_input.c ip_rcv_core(), net/ipv6/ip6_input.c ip6_rcv_core()
//                  tc ingress is before it, PREROUTING after it
//   route_input()  net/ipv4/route.c ip_route_input_slow(), net/ipv6/route.c ip6_route_input()
//                  PREROUTING is before it, INPUT after it when the packet is to be delivered
//   forward()      net/ipv4/ip_forward.c, net/ipv6/ip6_output.c ip6_forward(): TTL, MTU, and then
//                  the TTL falls; FORWARD is after it, and so sees the lower TTL
//   make_answer()  net/ipv4/icmp.c, net/ipv6/icmp.c: the error about what a step refuses; OUTPUT is
//                  after it
//   finish_forward()  net/ipv4/ip_forward.c ip_forward_finish(), behind FORWARD
//   output_size()  net/ipv4/ip_output.c, net/ipv6/ip6_output.c: POSTROUTING is before it, tc egress
//                  after it
//
// What loops through lo keeps the route that the sender found: receive_looped() takes the place of
// route_input(). Left out: source routes that are followed; multicast beyond the groups that every
// node joins; redirects.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "model/node/ipv4_options.h"
#include "model/node/routing.h"
#include "model/node/world.h"
#include "model/packet/bytes.h"
#include "model/packet/icmp_error.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

enum class StackDrop : uint8_t {
  kTooShort,
  kVersion,
  kHeaderLength,
  kHeaderChecksum,
  kTotalLength,
  kMartianSource,
  kMartianDestination,
  kBadOptions,
  kSourceRoute,    // asked for by the packet, refused by default
  kNotForwarding,  // net.ipv4.ip_forward is off
  kNoRoute,
  kUnreachable,
  kProhibited,
  kBlackhole,
  kMulticast,  // a group that the node has not joined
  kTtl,
  kSourceScope,  // IPv6: a source that may not leave its link
  kTooBig,
};

// As a trace says it: "martian source".
std::string_view to_string(StackDrop drop);

// The packet goes no further. `answer` is the error that its source is owed, if the kernel makes
// one about such a packet at all (IpStack::make_answer).
struct StackFailure {
  StackDrop drop;
  std::optional<IcmpError> answer;
};

// An error of the node's own.
struct StackAnswer {
  Bytes packet;
  RouteDecision route;              // that it leaves by
  std::vector<uint16_t> clocks_at;  // where its options tell the time, which is written as zero
};

template <class T>
using StackResult = tl::expected<T, StackFailure>;

class IpStack {
 public:
  // Both must outlive the stack.
  IpStack(const World& world, const RoutingTable& routes) : world_(world), routes_(routes) {}

  // The packet's own length; what follows it is padding that the stack trims. `from_here`: what
  // comes_back().
  StackResult<size_t> receive(ByteView packet, const Interface& in, bool from_here = false) const;

  // kLocal, kBroadcast and kMulticast are to be delivered, kForward is to be forwarded; no other
  // verdict is returned. IPv4 options are read once the route is known, and noted.
  StackResult<RouteDecision> route_input(MutableByteView packet, const Interface& in,
                                         Ipv4OptionNotes& options) const;

  // In its place, for what came back through lo, or as a copy of what left: its route is known.
  StackResult<void> receive_looped(MutableByteView packet, const Interface& in,
                                   Ipv4OptionNotes& options) const;

  // Groups that the node is in at every interface: all nodes, and in IPv6 all routers of a link.
  // Not those of neighbour discovery: the interfaces of a node's world resolve no addresses.
  bool is_joined(const IpAddress& group) const;

  // Lowers the TTL or hop limit (and mends the IPv4 header's checksum) where all is well. The
  // answer to a failure quotes the packet as it was.
  StackResult<void> forward(MutableByteView packet, const Interface& in,
                            const RouteDecision& route) const;

  // Writes into the options of a packet that leaves. Whether its header's checksum was made anew.
  static bool finish_forward(MutableByteView packet, const RouteDecision& route,
                             Ipv4OptionNotes& options);

  // Which way a packet of the node's own goes, always with an interface: kLocal, kBroadcast or
  // kForward (to a group and to 255.255.255.255, too).
  // Failures have no answer: the sending process gets an error code.
  StackResult<RouteDecision> route_output(const IpAddress& source,
                                          const IpAddress& destination) const;

  // The same once its destination has changed (ip_route_me_harder()). What goes to many leaves by
  // the interface of its source; in IPv6 what is for a link is for that of the interface it was to
  // leave through before.
  StackResult<RouteDecision> route_again(const IpAddress& source, const IpAddress& destination,
                                         const Interface* before) const;

  // What the node sends to all of a network, or to a group that it is in itself, also comes in at
  // the interface that it leaves through (ip_mc_output(), ip6_finish_output2()), with the route of
  // its sender.
  bool comes_back(const IpAddress& destination) const;
  // And to groups of one interface only, of IPv6, it does nothing else.
  static bool stays_here(const IpAddress& destination);

  // Whether the packet fits into the MTU of its egress interface as it is, or has to be cut by
  // fragment(); fails where it may not be.
  enum class OutputSize : uint8_t { kFits, kNeedsFragmenting };
  StackResult<OutputSize> output_size(ByteView packet, const Interface& out) const;
  // What the whole of a packet is once its pieces are put together: of its flags they keep none
  // that is reserved.
  static void put_together_again(MutableByteView ipv4_packet);

  // The error and its way: its source is the address that the offending packet was for, where that
  // is one of the node's, else the one that routing picks toward its destination. Empty where the
  // kernel makes none. `in` is where the offending packet came from, `options` what was noted of
  // it.
  std::optional<StackAnswer> make_answer(ByteView offending, const Ipv4OptionNotes& options,
                                         const IcmpError& error, const Interface& in) const;

 private:
  // Of an error, whose packet was for `contacted` and is to be answered at `to`.
  struct AnswerWay {
    IpAddress source;
    IpAddress to;
    RouteDecision route;
  };
  std::optional<AnswerWay> ipv4_way_back(const IpAddress& to, const IpAddress& contacted) const;
  std::optional<AnswerWay> ipv6_way_back(const IpAddress& to, const IpAddress& contacted,
                                         const Interface& in) const;
  // Failures of the route itself, and of a source that it does not carry.
  StackResult<RouteDecision> usable(const IpAddress& source, const RouteDecision& route) const;
  bool claims_to_be_the_node(const IpAddress& source, const Interface& in) const;
  // `for_one_here`: it is for an address of the node's, and not for many.
  StackResult<void> read_options(MutableByteView packet, const Interface& in, bool for_one_here,
                                 Ipv4OptionNotes& options) const;
  IpAddress address_recorded(ByteView packet, const Interface& in, bool for_one_here) const;
  bool is_of_others(const IpAddress& address) const;

  const World& world_;
  const RoutingTable& routes_;
};

// Cuts an IPv4 packet as ip_do_fragment() does: every piece as large as the MTU permits, options
// that are not to be copied blanked in all pieces but the first.
std::vector<Bytes> fragment_ipv4(ByteView packet, uint32_t mtu);

}  // namespace kubeproof
