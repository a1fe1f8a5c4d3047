// For whom a packet is that came in, and whether its addresses can be true.
#include <algorithm>

#include "model/node/ip_header.h"
#include "model/node/ip_stack.h"

namespace kubeproof {
namespace {

tl::unexpected<StackFailure> fail(StackDrop drop, std::optional<IcmpError> answer = std::nullopt) {
  return tl::unexpected(StackFailure{drop, answer});
}

// What ip_route_input_slow() and ip_mc_validate_source() say of addresses before any route is
// known.
std::optional<StackDrop> ipv4_martian(const IpAddress& source, const IpAddress& destination,
                                      bool route_localnet) {
  if (source.is_multicast() || source.is_limited_broadcast()) return StackDrop::kMartianSource;
  if (destination.is_multicast()) {
    return source.is_loopback() && !route_localnet ? std::optional(StackDrop::kMartianSource)
                                                   : std::nullopt;
  }
  if (destination.is_limited_broadcast()) return std::nullopt;
  if (source.is_unspecified() && destination.is_unspecified()) return std::nullopt;
  if (source.is_unspecified()) return StackDrop::kMartianSource;
  if (destination.is_unspecified()) return StackDrop::kMartianDestination;
  if (destination.is_loopback() && !route_localnet) return StackDrop::kMartianDestination;
  if (source.is_loopback() && !route_localnet) return StackDrop::kMartianSource;
  return std::nullopt;
}

// The answers of ip_error() and of ip6_pkt_discard() and its kin.
StackResult<RouteDecision> dispatch(const RouteDecision& route, Family family) {
  switch (route.verdict) {
    case RouteVerdict::kNoRoute:
      return fail(StackDrop::kNoRoute, IcmpError::network_unreachable(family));
    case RouteVerdict::kUnreachable:
      // IPv6 tells such a route from none at all only to its own processes.
      return fail(StackDrop::kUnreachable, family == Family::kIpv4
                                               ? IcmpError::host_unreachable(family)
                                               : IcmpError::network_unreachable(family));
    case RouteVerdict::kProhibit:
      return fail(StackDrop::kProhibited, IcmpError::administratively_prohibited(family));
    case RouteVerdict::kBlackhole:
      return fail(StackDrop::kBlackhole);
    default:
      return route;
  }
}

bool is_for_the_node(RouteVerdict verdict) {
  return verdict == RouteVerdict::kLocal || verdict == RouteVerdict::kBroadcast ||
         verdict == RouteVerdict::kMulticast;
}

}  // namespace

bool IpStack::is_joined(const IpAddress& group) const {
  if (group.is_v4()) return group.v4_host_order() == 0xe0000001;
  const auto bytes = group.bytes();
  const bool well_known =
      std::all_of(bytes.begin() + 2, bytes.begin() + 15, [](uint8_t byte) { return byte == 0; });
  constexpr int kNode = 1, kLink = 2;
  if (!well_known || (bytes[1] != kNode && bytes[1] != kLink)) return false;
  constexpr uint8_t kAllNodes = 1, kAllRouters = 2;
  return bytes[15] == kAllNodes ||
         (bytes[15] == kAllRouters && bytes[1] == kLink && world_.sysctls.ip_forward);
}

// fib_validate_source() with rp_filter off: no other host has an address of the node's own. Routes
// are asked only where the addresses are not all that is local. IPv6 does not ask at all.
bool IpStack::claims_to_be_the_node(const IpAddress& source, const Interface& in) const {
  if (world_.sysctls.accept_local || in.accept_local) return false;
  if (!routes_.has_further_local_routes(Family::kIpv4)) return routes_.is_configured(source);
  const RouteVerdict verdict = routes_.lookup(source).verdict;
  return verdict == RouteVerdict::kLocal || verdict == RouteVerdict::kBroadcast;
}

StackResult<RouteDecision> IpStack::route_input(MutableByteView packet, const Interface& in,
                                                Ipv4OptionNotes& options) const {
  options = {};
  const IpAddress source = source_of(packet);
  const IpAddress destination = destination_of(packet);
  const bool ipv4 = destination.is_v4();
  const Sysctls& sysctls = world_.sysctls;

  if (destination.is_multicast() && !is_joined(destination)) {
    return fail(StackDrop::kMulticast);
  }
  if (ipv4) {
    const bool route_localnet = sysctls.route_localnet || in.route_localnet;
    if (auto drop = ipv4_martian(source, destination, route_localnet)) return fail(*drop);
  }
  // rt6_need_strict(): what NAT sends to ::1 is for the node only where it came in through lo, and
  // may otherwise even leave through the default route.
  const bool strict = !ipv4 && (destination.is_link_local() || destination.is_loopback());
  RouteDecision route = routes_.lookup(destination, strict ? &in : nullptr);
  if (ipv4 && destination.is_unspecified()) route.verdict = RouteVerdict::kBroadcast;

  // A node that does not forward asks no more of what is for others.
  const bool forwarded = route.verdict == RouteVerdict::kForward && sysctls.ip_forward;
  if (ipv4 && (is_for_the_node(route.verdict) || forwarded) && claims_to_be_the_node(source, in)) {
    return fail(StackDrop::kMartianSource);
  }
  const bool for_one_here = route.verdict == RouteVerdict::kLocal;
  if (const auto read = read_options(packet, in, for_one_here, options); !read) {
    return tl::unexpected(read.error());
  }
  // IPv6 answers by its routes all the same (ip6_pkt_discard()); ip_error() stays silent.
  const bool asks =
      ipv4 ? !is_for_the_node(route.verdict) : route.verdict == RouteVerdict::kForward;
  if (!sysctls.ip_forward && asks) return fail(StackDrop::kNotForwarding);
  return dispatch(route, destination.family());
}

}  // namespace kubeproof
