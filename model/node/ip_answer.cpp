// The node's errors about packets: from which address to whom, and which way (net/ipv4/icmp.c
// icmp_route_lookup(), net/ipv6/icmp.c icmp6_send()).
#include <algorithm>

#include "model/node/ip_header.h"
#include "model/node/ip_stack.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr uint32_t kIpv4Loopback = 0x7f000001;  // 127.0.0.1
constexpr uint32_t kIpv4Dummy = 0xc0000008;     // 192.0.0.8, RFC 7600

// To where its route leads, which may be elsewhere than to the source of the offending packet.
void send_to(MutableByteView packet, const IpAddress& to) {
  std::copy_n(to.bytes().begin(), 4, packet.begin() + 16);
  if (to.is_multicast()) packet[8] = 1;  // ip_select_ttl()
  store16(packet, 10, ipv4_header_checksum(packet));
}

// From nobody to nobody, which ip_route_input_slow() takes for a broadcast.
bool is_for_all(ByteView packet) {
  return destination_of(packet).is_unspecified() && source_of(packet).is_unspecified();
}

}  // namespace

std::optional<IpStack::AnswerWay> IpStack::ipv4_way_back(const IpAddress& to,
                                                         const IpAddress& contacted) const {
  const RouteVerdict contacted_is = routes_.lookup(contacted).verdict;
  if (contacted_is == RouteVerdict::kBroadcast || contacted_is == RouteVerdict::kMulticast) {
    return std::nullopt;
  }
  const bool to_nobody = to.is_unspecified();
  const RouteDecision found = routes_.output(to);
  IpAddress source = contacted;
  if (contacted_is != RouteVerdict::kLocal) {
    // A node without an address of its own has one for this.
    source = to_nobody ? IpAddress::v4(kIpv4Loopback)
                       : routes_.local_source(found, to).value_or(IpAddress::v4(kIpv4Dummy));
  }
  // Only an address that it is asked with has a say in the way to many.
  const bool asked_with_source = contacted_is == RouteVerdict::kLocal || to_nobody;
  const auto route = asked_with_source ? route_again(source, to, nullptr) : usable(source, found);
  if (!route) return std::nullopt;
  // ip_route_output_key_hash_rcu(): to nobody is to itself.
  return AnswerWay{.source = source, .to = to_nobody ? source : to, .route = *route};
}

std::optional<IpStack::AnswerWay> IpStack::ipv6_way_back(const IpAddress& to,
                                                         const IpAddress& contacted,
                                                         const Interface& in) const {
  if (routes_.is_anycast(to)) return std::nullopt;  // icmpv6_route_lookup()
  const bool looped = in.kind == InterfaceKind::kLoopback;
  // icmp6_dev(): what loops is of the link of the address that it was for.
  const Interface* link = looped ? routes_.carrier(contacted) : &in;
  const RouteDecision found = routes_.output(to, to.is_link_local() ? link : nullptr);
  // It would rather be seen at the interface that the offending packet came in at.
  RouteDecision seen_at = found;
  const bool names_source = found.verdict != RouteVerdict::kLocal && found.preferred_source;
  if (!looped && !names_source && found.out != nullptr) seen_at.out = &in;
  // icmp6_send() asks for addresses, where icmp_send() asks for the route; for those of a link or
  // of the host at that interface alone (ipv6_chk_addr()).
  const bool of_one_place = contacted.is_link_local() || contacted.is_loopback();
  const auto source = routes_.is_of_an_interface(contacted, of_one_place ? &in : nullptr)
                          ? std::optional(contacted)
                          : routes_.local_source(seen_at, to);
  if (!source) return std::nullopt;
  const auto route = usable(*source, found);
  if (!route) return std::nullopt;
  return AnswerWay{.source = *source, .to = to, .route = *route};
}

std::optional<StackAnswer> IpStack::make_answer(ByteView offending, const Ipv4OptionNotes& options,
                                                const IcmpError& error, const Interface& in) const {
  if (is_for_all(offending)) return std::nullopt;
  const IpAddress to = first_stop_back(offending, options);
  const IpAddress contacted = destination_of(offending);
  const auto way = to.is_v4() ? ipv4_way_back(to, contacted) : ipv6_way_back(to, contacted, in);
  if (!way) return std::nullopt;
  const Ipv4OptionScene scene{
      .recorded = way->source,
      .is_of_others = [this](const IpAddress& one) { return is_of_others(one); }};
  auto echo = echo_ipv4_options(offending, options, scene);
  if (!echo) return std::nullopt;
  auto packet = make_icmp_error(offending, error, way->source, echo->options);
  if (!packet) return std::nullopt;
  if (to.is_v4()) send_to(*packet, way->to);
  StackAnswer answer{
      .packet = std::move(*packet), .route = way->route, .clocks_at = std::move(echo->clocks_at)};
  for (uint16_t& clock : answer.clocks_at) clock += kIpv4HeaderSize;
  return answer;
}

}  // namespace kubeproof
