#include "model/node/ip_stack.h"

#include <algorithm>

#include "model/node/ip_header.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr uint32_t kSmallestIpv6Mtu = 1280;
const IpAddress kIpv6Loopback = *IpAddress::parse("::1");

tl::unexpected<StackFailure> fail(StackDrop drop, std::optional<IcmpError> answer = std::nullopt) {
  return tl::unexpected(StackFailure{drop, answer});
}

// Sources that ip6_forward() keeps on their link, unless the packet goes back where it came from.
StackResult<void> check_ipv6_source(const IpAddress& source) {
  if (source.is_unspecified() || source.is_multicast() || source.is_loopback()) {
    return fail(StackDrop::kSourceScope);
  }
  if (source.is_link_local()) {
    constexpr uint8_t kUnreachable = 1, kBeyondScope = 2;
    return fail(StackDrop::kSourceScope,
                IcmpError{.type = kUnreachable, .code = kBeyondScope, .info = 0});
  }
  return {};
}

bool is_for_many(const IpAddress& destination) {
  return destination.is_multicast() || destination.is_limited_broadcast();
}

}  // namespace

std::string_view to_string(StackDrop drop) {
  switch (drop) {
    case StackDrop::kTooShort:
      return "shorter than its IP header";
    case StackDrop::kVersion:
      return "neither IPv4 nor IPv6";
    case StackDrop::kHeaderLength:
      return "bad header length";
    case StackDrop::kHeaderChecksum:
      return "bad header checksum";
    case StackDrop::kTotalLength:
      return "bad total length";
    case StackDrop::kMartianSource:
      return "martian source";
    case StackDrop::kMartianDestination:
      return "martian destination";
    case StackDrop::kBadOptions:
      return "bad IP options";
    case StackDrop::kSourceRoute:
      return "source route";
    case StackDrop::kNotForwarding:
      return "forwarding is off";
    case StackDrop::kNoRoute:
      return "no route";
    case StackDrop::kUnreachable:
      return "unreachable route";
    case StackDrop::kProhibited:
      return "prohibited route";
    case StackDrop::kBlackhole:
      return "blackhole route";
    case StackDrop::kMulticast:
      return "a group that the node has not joined";
    case StackDrop::kTtl:
      return "TTL exceeded";
    case StackDrop::kSourceScope:
      return "a source that may not leave its link";
    case StackDrop::kTooBig:
      return "larger than the MTU";
  }
  return "unknown";
}

StackResult<void> IpStack::forward(MutableByteView packet, const Interface& in,
                                   const RouteDecision& route) const {
  const Family family = family_of(packet);
  const size_t ttl_at = ttl_offset(packet);
  if (packet[ttl_at] <= 1) return fail(StackDrop::kTtl, IcmpError::time_exceeded(family));

  if (family == Family::kIpv6) {
    if (&in != route.out) {
      if (auto permitted = check_ipv6_source(source_of(packet)); !permitted) return permitted;
    }
    const uint32_t mtu = std::max(route.out->mtu, kSmallestIpv6Mtu);
    if (packet.size() > mtu) {
      return fail(StackDrop::kTooBig, IcmpError::packet_too_big(family, mtu));
    }
  } else if (packet.size() > route.out->mtu && dont_fragment(packet)) {
    return fail(StackDrop::kTooBig, IcmpError::packet_too_big(family, route.out->mtu));
  }

  if (family == Family::kIpv4) {
    const uint16_t before = load16(packet, ttl_at);
    store16(packet, 10, update_checksum(load16(packet, 10), before, before - 0x100));
  }
  --packet[ttl_at];
  return {};
}

bool IpStack::finish_forward(MutableByteView packet, const RouteDecision& route,
                             Ipv4OptionNotes& options) {
  return forward_ipv4_options(packet, route.preferred_source.value_or(IpAddress()), options);
}

StackResult<RouteDecision> IpStack::route_output(const IpAddress& source,
                                                 const IpAddress& destination) const {
  // A raw socket is asked for a route without a source, unless that is of 127.0.0.0/8; and one to
  // no address leads to the node itself.
  const bool to_nobody = destination.is_unspecified();
  if (source.is_v4() && (source.is_loopback() || to_nobody)) {
    return route_again(source, destination, nullptr);
  }
  if (to_nobody) return usable(source, routes_.output(kIpv6Loopback));  // rawv6_sendmsg()
  return usable(source, routes_.output(destination));
}

// ip_route_output_key_hash_rcu(): nobody's address stands for the source, and what goes to many
// leaves by the interface of the source.
StackResult<RouteDecision> IpStack::route_again(const IpAddress& source,
                                                const IpAddress& destination,
                                                const Interface* before) const {
  if (!source.is_v4()) {
    const bool of_a_link = destination.is_multicast() || destination.is_link_local();
    return usable(source, routes_.output(destination, of_a_link ? before : nullptr));
  }
  if (destination.is_unspecified()) {
    return RouteDecision{
        .verdict = RouteVerdict::kLocal, .out = &world_.loopback(), .next_hop = destination};
  }
  if (!is_for_many(destination)) {
    return usable(source, routes_.output(destination));
  }
  if (routes_.lookup(source).verdict != RouteVerdict::kLocal) return fail(StackDrop::kNoRoute);
  RouteDecision route = routes_.lookup(destination);
  const auto owner = std::find_if(
      world_.interfaces.begin(), world_.interfaces.end(), [&](const Interface& interface) {
        return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                           [&](const auto& each) { return each.address == source; });
      });
  route.out = owner != world_.interfaces.end() ? &*owner : &world_.loopback();
  return usable(source, route);
}

StackResult<RouteDecision> IpStack::usable(const IpAddress& source,
                                           const RouteDecision& route) const {
  switch (route.verdict) {
    case RouteVerdict::kNoRoute:
      return fail(StackDrop::kNoRoute);
    case RouteVerdict::kUnreachable:
      return fail(StackDrop::kUnreachable);
    case RouteVerdict::kProhibit:
      return fail(StackDrop::kProhibited);
    case RouteVerdict::kBlackhole:
      return fail(StackDrop::kBlackhole);
    default:
      break;
  }
  if (route.out == nullptr) return fail(StackDrop::kNoRoute);
  // __mkroute_output(): 127.0.0.0/8 leaves the node only with route_localnet.
  const bool leaves = route.out->kind != InterfaceKind::kLoopback;
  if (leaves && source.is_v4() && source.is_loopback() && !world_.sysctls.route_localnet) {
    return fail(StackDrop::kMartianSource);
  }
  return route;
}

bool IpStack::comes_back(const IpAddress& destination) const {
  if (destination.is_multicast()) return is_joined(destination);
  return routes_.lookup(destination).verdict == RouteVerdict::kBroadcast;
}

bool IpStack::stays_here(const IpAddress& destination) {
  constexpr int kInterfaceLocal = 1;
  return !destination.is_v4() && destination.is_multicast() &&
         (destination.bytes()[1] & 0xf) <= kInterfaceLocal;
}

StackResult<IpStack::OutputSize> IpStack::output_size(ByteView packet, const Interface& out) const {
  if (packet.size() <= out.mtu) return OutputSize::kFits;
  const Family family = family_of(packet);
  if (family == Family::kIpv4 && !dont_fragment(packet)) return OutputSize::kNeedsFragmenting;
  return fail(StackDrop::kTooBig, IcmpError::packet_too_big(family, out.mtu));
}

}  // namespace kubeproof
