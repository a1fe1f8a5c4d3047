#include "tools/kubeproof/traced_packet.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "model/node/routing.h"
#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

constexpr uint16_t kSourcePort = 40000;

Result<uint8_t> parse_protocol(std::string_view text) {
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name == "tcp") return uint8_t{kTcp};
  if (name == "udp") return uint8_t{kUdp};
  if (name == "sctp") return uint8_t{kSctp};
  return bad_input("--to: protocol '{}' is not tcp, udp or sctp", text);
}

// An address that documentation sets aside (RFC 5737, RFC 3849), so that it is nobody's.
IpAddress client_outside(Family family) {
  return *IpAddress::parse(family == Family::kIpv4 ? "203.0.113.1" : "2001:db8:ffff::1");
}

Result<IpAddress> host_source(const World& world, const IpAddress& destination) {
  const RoutingTable routes(world);
  const RouteDecision decision = routes.lookup(destination);
  if (decision.verdict == RouteVerdict::kLocal) {
    return decision.preferred_source.value_or(destination);
  }
  if (decision.out == nullptr) {
    return bad_input("--from host: the node has no route to {}", destination.to_string());
  }
  const auto source = decision.preferred_source
                          ? decision.preferred_source
                          : routes.select_source(*decision.out, destination, decision.next_hop);
  if (!source) {
    return bad_input("--from host: the node has no {} address", to_string(destination.family()));
  }
  return *source;
}

Bytes opening_packet(const SocketAddress& from, const TracedDestination& to) {
  switch (to.protocol) {
    case kUdp:
      return PacketBuilder::udp(from, to.address).payload("kubeproof").build();
    case kSctp:
      return PacketBuilder::sctp(from, to.address).build();
    default:
      return PacketBuilder::tcp(from, to.address).syn().build();
  }
}

}  // namespace

Result<TracedDestination> parse_destination(std::string_view text) {
  TracedDestination destination;
  destination.protocol = kTcp;
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const auto protocol = parse_protocol(text.substr(slash + 1));
    if (!protocol) return tl::unexpected(protocol.error());
    destination.protocol = *protocol;
  }
  const auto address = SocketAddress::parse(text.substr(0, slash));
  if (!address) return bad_input("--to: {}", address.error().message);
  destination.address = *address;
  return destination;
}

Result<TracedOrigin> parse_origin(std::string_view text) {
  TracedOrigin origin;
  if (text == "host" || text == "uplink") {
    (text == "host" ? origin.host : origin.uplink) = true;
    return origin;
  }
  constexpr std::string_view kPod = "pod:";
  origin.pod = text.starts_with(kPod);
  const std::string_view rest = origin.pod ? text.substr(kPod.size()) : text;
  if (const auto address = IpAddress::parse(rest)) {
    origin.address = *address;
    return origin;
  }
  if (const auto endpoint = SocketAddress::parse(rest)) {
    origin.address = endpoint->address;
    origin.port = endpoint->port;
    return origin;
  }
  return bad_input(
      "--from: '{}' is not ADDRESS, ADDRESS:PORT ([ADDRESS]:PORT for IPv6), pod: before either, "
      "host or uplink",
      text);
}

Result<TracedPacket> make_traced_packet(const World& world, const TracedOrigin& origin,
                                        const TracedDestination& destination) {
  const Family family = destination.address.address.family();
  SocketAddress from;
  from.port = origin.port.value_or(kSourcePort);
  TracedPacket traced;
  if (origin.host) {
    const auto source = host_source(world, destination.address.address);
    if (!source) return tl::unexpected(source.error());
    from.address = *source;
    traced.ingress = Ingress::host();
  } else if (origin.uplink) {
    from.address = client_outside(family);
    traced.ingress = Ingress{world.uplink().index};
  } else {
    from.address = *origin.address;
    traced.ingress = world.ingress_for_source(from.address);
    // Behind a bridge a pod has no interface of its own in the world.
    const bool is_inside =
        !traced.ingress.is_host() && traced.ingress.interface != world.uplink().index;
    if (origin.pod && !is_inside) {
      return bad_input("--from: node {} has no pod with the address {}", world.node_name,
                       from.address.to_string());
    }
  }
  if (from.address.family() != family) {
    return bad_input("--from {} and --to {} are of different families", from.address.to_string(),
                     destination.address.to_string());
  }
  traced.packet = opening_packet(from, destination);
  return traced;
}

}  // namespace kubeproof
