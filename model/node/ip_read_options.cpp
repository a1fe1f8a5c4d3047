// Reading the IPv4 options of a received packet (net/ipv4/ip_input.c ip_rcv_options()): whose
// addresses they hold, and which of the node's is recorded in them.
#include "model/node/ip_header.h"
#include "model/node/ip_stack.h"
#include "model/node/source_address.h"

namespace kubeproof {
namespace {

tl::unexpected<StackFailure> parameter_problem(size_t at) {
  constexpr uint8_t kParameterProblem = 12;
  return tl::unexpected(StackFailure{
      StackDrop::kBadOptions,
      IcmpError{.type = kParameterProblem, .code = 0, .info = static_cast<uint32_t>(at << 24)}});
}

}  // namespace

StackResult<void> IpStack::receive_looped(MutableByteView packet, const Interface& in,
                                          Ipv4OptionNotes& options) const {
  options = {};
  if (family_of(packet) != Family::kIpv4) return {};
  const IpAddress destination = destination_of(packet);
  if (destination.is_multicast() && !is_joined(destination)) {
    return tl::unexpected(StackFailure{StackDrop::kMulticast, std::nullopt});
  }
  const RouteVerdict verdict = routes_.lookup(destination).verdict;
  const bool for_many = verdict == RouteVerdict::kBroadcast || verdict == RouteVerdict::kMulticast;
  return read_options(packet, in, !for_many, options);
}

StackResult<void> IpStack::read_options(MutableByteView packet, const Interface& in,
                                        bool for_one_here, Ipv4OptionNotes& options) const {
  if (family_of(packet) != Family::kIpv4 || ipv4_header_size(packet) <= kIpv4HeaderSize) return {};
  const Ipv4OptionScene scene{
      .recorded = address_recorded(packet, in, for_one_here),
      .is_of_others = [this](const IpAddress& address) { return is_of_others(address); }};
  if (const auto problem = read_ipv4_options(packet, scene, options)) {
    return parameter_problem(*problem);
  }
  if (options.source_route != 0) {
    return tl::unexpected(StackFailure{StackDrop::kSourceRoute, std::nullopt});
  }
  return {};
}

// fib_compute_spec_dst(): the address that the packet was sent to, or that the node would send to
// its source from.
IpAddress IpStack::address_recorded(ByteView packet, const Interface& in, bool for_one_here) const {
  if (for_one_here) return destination_of(packet);
  const IpAddress source = source_of(packet);
  const AddressScope scope = source.is_unspecified() ? AddressScope::kLink : AddressScope::kGlobal;
  if (!source.is_unspecified()) {
    const RouteDecision back = routes_.lookup(source);
    switch (back.verdict) {
      case RouteVerdict::kForward:
      case RouteVerdict::kBroadcast:
        return back.preferred_source.value_or(IpAddress());
      case RouteVerdict::kLocal:
        if (back.preferred_source) return *back.preferred_source;
        // By a route alone: the address of lo.
        return select_ipv4_source(world_, world_.loopback(), std::nullopt, AddressScope::kHost)
            .value_or(IpAddress());
      default:
        break;
    }
  }
  const auto near = source.is_unspecified() ? std::nullopt : std::optional(source);
  return select_ipv4_source(world_, in, near, scope).value_or(IpAddress());
}

bool IpStack::is_of_others(const IpAddress& address) const {
  if (address.is_unspecified()) return false;
  switch (routes_.lookup(address).verdict) {
    case RouteVerdict::kLocal:
    case RouteVerdict::kBroadcast:
    case RouteVerdict::kMulticast:
      return false;
    default:
      return true;
  }
}

}  // namespace kubeproof
