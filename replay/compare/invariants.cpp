#include "replay/compare/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "model/node/ip_header.h"
#include "model/node/ipv4_options.h"
#include "model/node/routing.h"
#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

bool is_right(ChecksumState state) {
  return state == ChecksumState::kRight;
}
bool is_wrong(ChecksumState state) {
  return state == ChecksumState::kWrong;
}

struct Parsed {
  ByteView packet;
  PacketView view;
  ChecksumReport sums;
  bool error = false;
  // The stack writes into IPv4 options as it receives a packet, and mends the header's checksum
  // only when it forwards it.
  bool options_change = false;
};

std::optional<Parsed> parse(ByteView packet) {
  const auto view = parse_packet(packet);
  if (!view) return std::nullopt;
  return Parsed{packet.first(view->total_length), *view, check_checksums(packet, *view),
                is_icmp_error(*view),
                view->family == Family::kIpv4 && reading_changes_ipv4_options(packet)};
}

// What of an ICMP message does not say which.
bool is_rest_of_icmp(const PacketView& view) {
  return view.is_fragment && view.fragment_offset != 0 &&
         view.protocol == (view.family == Family::kIpv4 ? kIcmp : kIcmpv6);
}

// An ICMP error that the node made itself: the packet that came in was none.
bool made_by_node(const Parsed& in, const Parsed& out) {
  return out.error && !in.error && !is_rest_of_icmp(in.view);
}

bool ipv4_options(const PacketView& view) {
  return view.family == Family::kIpv4 && view.transport_offset > kIpv4HeaderSize;
}

void check_checksum(std::string_view what, bool right_on_entry, ChecksumState out,
                    std::vector<DifferencePart>& violations) {
  if (right_on_entry && is_wrong(out)) {
    violations.push_back({Kind::kChecksum, fmt::format("{} right on entry, wrong on exit", what)});
  }
}

void check_checksums_kept(const Parsed& in, const Parsed& out, Place place,
                          std::vector<DifferencePart>& violations) {
  const ChecksumReport& a = in.sums;
  const ChecksumReport& b = out.sums;
  if (made_by_node(in, out)) {
    // Its own checksums are right, whatever it answers to; what it quotes is what came in.
    const bool read_again = place.is_sockets() && ipv4_options(out.view);
    check_checksum("IP header checksum of an ICMP error made here", !read_again, b.ip_header,
                   violations);
    check_checksum("ICMP checksum of an error made here", true, b.transport, violations);
    check_checksum("quoted IP header checksum", is_right(a.ip_header) && !in.options_change,
                   b.quoted_ip_header, violations);
    check_checksum("quoted transport checksum", is_right(a.transport), b.quoted_transport,
                   violations);
    return;
  }
  const bool header_kept = !in.options_change || !place.is_sockets();
  check_checksum("IP header checksum", is_right(a.ip_header) && header_kept, b.ip_header,
                 violations);
  check_checksum("transport checksum", is_right(a.transport), b.transport, violations);
  check_checksum("quoted IP header checksum", is_right(a.quoted_ip_header), b.quoted_ip_header,
                 violations);
  check_checksum("quoted transport checksum", is_right(a.quoted_transport), b.quoted_transport,
                 violations);
}

// Fragments are left out: the last one may carry out a datagram with the TTL of the first.
void check_ttl(const Injection& injection, const Parsed& in, const Parsed& out, Place place,
               std::vector<DifferencePart>& violations) {
  if (made_by_node(in, out) || in.view.is_fragment || out.view.is_fragment) return;
  const bool forwarded = !injection.ingress.is_host() && !place.is_sockets();
  const int expected = in.view.ttl - (forwarded ? 1 : 0);
  if (out.view.ttl == expected) return;
  violations.push_back(
      {Kind::kTtl, fmt::format("{} {}, the packet came in with {} and was {}",
                               in.view.family == Family::kIpv4 ? "TTL" : "hop limit", out.view.ttl,
                               in.view.ttl, forwarded ? "forwarded" : "not forwarded")});
}

// Of a group, of everybody, of nobody.
bool is_no_machine(const IpAddress& address) {
  if (address.is_multicast() || address.is_limited_broadcast()) return true;
  return address.is_v4() ? address.v4_host_order() >> 24 == 0 : address.is_unspecified();
}

// net/ipv4/route.c ip_route_input_slow(), ipv6_rcv(): sources that are never taken from a wire.
bool is_martian_source(const World& world, const IpAddress& source) {
  if (source.is_loopback()) return !source.is_v4() || !world.sysctls.route_localnet;
  return is_no_machine(source);
}

// Where a service is at such an address, netfilter takes packets there from anywhere, before
// routing looks at them, and gives their answers that source. What the host sends to itself stays
// at home.
bool answers_oddly(Ingress ingress, const IpAddress& address) {
  if (address.is_v4() && address.is_loopback()) return !ingress.is_host();
  return is_no_machine(address);
}

// What is sent to all of a network may be heard by its sender, too.
bool reaches_many(const World& world, const IpAddress& address) {
  return address.is_multicast() ||
         RoutingTable(world).lookup(address).verdict == RouteVerdict::kBroadcast;
}

// A node without one has but ::1 to speak and to masquerade from.
bool has_ipv6_address(const World& world) {
  return std::any_of(world.interfaces.begin(), world.interfaces.end(), [](const Interface& each) {
    return std::any_of(each.addresses.begin(), each.addresses.end(), [](const auto& one) {
      return !one.address.is_v4() && !one.address.is_loopback();
    });
  });
}

void check_source(const World& world, const Parsed& in, const Parsed& out, Place place,
                  std::vector<DifferencePart>& violations) {
  if (place.is_sockets()) return;
  // What came in like this and is only passed on is the sender's doing.
  if (out.view.source == in.view.source || !is_martian_source(world, out.view.source)) return;
  // The answer to what a process sent from ::1 to itself at ::1, and NAT elsewhere: the kernel has
  // no route for an address of lo from another interface, and sends it out by the default route.
  const bool from_loopback = out.view.source.is_loopback() && !out.view.source.is_v4();
  if (from_loopback && (out.view.destination.is_loopback() || !has_ipv6_address(world))) return;
  const Interface* interface = world.find_interface(place.interface);
  if (interface != nullptr && interface->kind == InterfaceKind::kLoopback) return;
  violations.push_back(
      {Kind::kMartianSource, fmt::format("source {} is martian", out.view.source.to_string())});
}

void check_duplicates(const World& world, const Fate& fate,
                      std::vector<DifferencePart>& violations) {
  for (size_t i = 0; i < fate.size(); ++i) {
    for (size_t j = i + 1; j < fate.size(); ++j) {
      if (fate[i].packet != fate[j].packet) continue;
      const auto view = parse_packet(fate[i].packet);
      const bool heard = fate[i].place.is_sockets() != fate[j].place.is_sockets() && view &&
                         reaches_many(world, view->destination);
      if (heard) continue;
      violations.push_back({Kind::kDuplicateEmission,
                            fmt::format("emitted twice: {}", describe_packet(fate[i].packet))});
    }
  }
}

}  // namespace

void Invariants::check(const Injection& injection, const Fate& fate,
                       std::vector<DifferencePart>& violations) {
  const auto in = parse(injection.packet);
  if (in && answers_oddly(injection.ingress, in->view.destination)) {
    contacted_.insert(in->view.destination);
  }
  if (fate.dropped()) return;
  if (fate.size() > 1) check_duplicates(world_, fate, violations);
  if (!in) return;
  for (const Emission& emission : fate) {
    const auto out = parse(emission.packet);
    if (!out) {
      violations.push_back({Kind::kPayload, "an emission that is not an IP packet"});
      continue;
    }
    check_checksums_kept(*in, *out, emission.place, violations);
    check_ttl(injection, *in, *out, emission.place, violations);
    if (contacted_.contains(out->view.source)) continue;
    check_source(world_, *in, *out, emission.place, violations);
  }
}

}  // namespace kubeproof
