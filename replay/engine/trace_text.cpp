#include "replay/engine/trace_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

IpAddress to_address(const abi::address& address, uint8_t family) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &address, sizeof(address));
  const std::span<const uint8_t, 16> all(bytes);
  return family == abi::FAMILY_IPV6 ? IpAddress::v6(all) : IpAddress::v4(all.first<4>());
}

SocketAddress endpoint(const abi::address& address, uint16_t network_order_port, uint8_t family) {
  return {to_address(address, family), ntohs(network_order_port)};
}

std::string describe(const abi::tuple& tuple) {
  return fmt::format("{} > {}", endpoint(tuple.source, tuple.source_port, tuple.family).to_string(),
                     endpoint(tuple.destination, tuple.destination_port, tuple.family).to_string());
}

bool same_endpoints(const abi::tuple& a, const abi::tuple& b) {
  return std::memcmp(&a.source, &b.source, sizeof(a.source)) == 0 &&
         std::memcmp(&a.destination, &b.destination, sizeof(a.destination)) == 0 &&
         a.source_port == b.source_port && a.destination_port == b.destination_port;
}

std::string interface_name(const World& world, uint32_t index) {
  const Interface* interface = world.find_interface(index);
  return interface != nullptr ? interface->name : fmt::format("interface {}", index);
}

std::string_view program_text(uint8_t program) {
  switch (program) {
    case abi::PROGRAM_XDP:
      return "xdp";
    case abi::PROGRAM_TC_EGRESS:
      return "tc egress";
    default:
      return "tc ingress";
  }
}

std::string_view redirect_text(uint8_t redirect) {
  switch (redirect) {
    case abi::REDIRECT_INGRESS:
      return "redirected to the ingress of";
    case abi::REDIRECT_NEIGHBOUR:
      return "redirected by neighbour to";
    case abi::REDIRECT_TRANSMIT:
      return "sent out of";
    default:
      return "redirected to";
  }
}

constexpr std::array kFlagTexts = {
    std::pair{abi::TRACE_MASQUERADE, "masquerade"},
    std::pair{abi::TRACE_HAIRPIN, "hairpin"},
    std::pair{abi::TRACE_PORT_REDRAWN, "source port redrawn"},
    std::pair{abi::TRACE_AFFINITY, "affinity"},
    std::pair{abi::TRACE_LOCAL_SET, "local endpoints only"},
    std::pair{abi::TRACE_SHORT_CIRCUIT, "short-circuit for local traffic"},
    std::pair{abi::TRACE_NODE_PORT, "node port"},
    std::pair{abi::TRACE_CLUSTER_IP, "cluster IP"},
    std::pair{abi::TRACE_EXTERNAL_IP, "external IP"},
    std::pair{abi::TRACE_REJECTED, "rejected"},
    std::pair{abi::TRACE_HOST_ORIGIN, "from the host"},
    std::pair{abi::TRACE_LOCAL_BACKEND, "endpoint on the host"},
};

}  // namespace

std::string_view reason_text(abi::reason reason) {
  switch (reason) {
    case abi::REASON_NONE:
    case abi::REASON_COUNT:
      break;
    case abi::PASS_NOT_IP:
      return "not IP";
    case abi::PASS_OTHER_HOST:
      return "not for this host alone on its link";
    case abi::PASS_VLAN:
      return "VLAN tag";
    case abi::PASS_MALFORMED:
      return "malformed, left to the stack";
    case abi::PASS_FRAGMENT:
      return "later fragment of no flow";
    case abi::PASS_OTHER_PROTOCOL:
      return "another protocol";
    case abi::PASS_SPECIAL_DESTINATION:
      return "nobody's in particular";
    case abi::PASS_TABLE_FULL:
      return "flow table full, not tracked";
    case abi::PASS_MISPLACED:
      return "of a flow that does not belong here";
    case abi::PASS_LOOPBACK:
      return "decided when it was sent through lo";
    case abi::PASS_ALREADY_DECIDED:
      return "decided before its redirect";
    case abi::PASS_STACK_ANSWERS:
      return "left to the stack, which refuses it first";
    case abi::PASS_INVALID:
      return "invalid, but nothing drops it here";
    case abi::PASS_RELATED_UNKNOWN:
      return "ICMP error about no known flow";
    case abi::PASS_FORWARDED:
      return "nothing to translate";
    case abi::PASS_MARTIAN:
      return "martian source, left to the stack";
    case abi::LEFT_OTHER_LINK:
      return "left to tc: its way leads to where XDP sends nothing";
    case abi::LEFT_LOCAL:
      return "left to tc: for this node";
    case abi::LEFT_UNSERVED:
      return "left to tc: no endpoint of a service is meant";
    case abi::LEFT_REFUSED:
      return "left to tc, which will refuse it";
    case abi::LEFT_INVALID:
      return "left to tc: invalid";
    case abi::LEFT_PROTOCOL:
      return "left to tc: ICMP, or another protocol";
    case abi::LEFT_FRAGMENT:
      return "left to tc: a fragment";
    case abi::LEFT_OPTIONS:
      return "left to tc: IP options or extension headers";
    case abi::LEFT_TRAILER:
      return "left to tc: bytes behind the packet";
    case abi::LEFT_CHECKSUM:
      return "left to tc: its checksum is wrong, or still to be computed";
    case abi::LEFT_TOO_LONG:
      return "left to tc: to be cut into fragments";
    case abi::LEFT_NO_NEIGHBOUR:
      return "left to tc: the next hop is not known yet";
    case abi::REASON_NEW_FLOW:
      return "new flow";
    case abi::REASON_NEW_DIRECT_FLOW:
      return "new flow, no service's";
    case abi::REASON_ORIGINAL:
      return "known flow";
    case abi::REASON_REPLY:
      return "reply";
    case abi::REASON_RELATED:
      return "ICMP error about a flow";
    case abi::REASON_REJECTED:
      return "no endpoints: answered with port unreachable";
    case abi::REASON_REASSEMBLED:
      return "put together, comes here again whole";
    case abi::DROP_NO_LOCAL_ENDPOINT:
      return "policy Local, and no endpoint on this node";
    case abi::DROP_SOURCE_RANGE:
      return "source outside loadBalancerSourceRanges";
    case abi::DROP_FRAGMENT:
      return "fragment of what was dropped or refused, or there already";
    case abi::DROP_HELD:
      return "fragment, kept until the datagram is whole";
    case abi::DROP_UNFORESEEN:
      return "SCTP in fragments, not as long as the first foretold";
    case abi::DROP_INVALID:
      return "invalid";
    case abi::DROP_LOCALNET:
      return "from outside to 127.0.0.0/8";
    case abi::DROP_NO_SOURCE:
      return "no address to masquerade with";
    case abi::DROP_NO_PORT:
      return "no free source port";
    case abi::DROP_TABLE_FULL:
      return "flow table full";
    case abi::DROP_NO_BACKEND:
      return "maps contradict each other: no such backend";
    case abi::DROP_MARTIAN:
      return "martian source of a translated packet";
    case abi::DROP_NO_ROUTE:
      return "no route to the endpoint";
    case abi::DROP_ICMP_REDIRECT:
      return "ICMP redirect about a translated flow";
    case abi::DROP_REWRITE:
      return "the packet could not be rewritten";
    case abi::DROP_REJECT_SILENT:
      return "no endpoints, and no error may be sent about it";
  }
  return "unknown reason";
}

std::string describe_decision(const abi::trace_record& record, const World& world,
                              std::string_view service) {
  std::string line =
      fmt::format("{} {}: {}", program_text(record.program), interface_name(world, record.ifindex),
                  reason_text(static_cast<abi::reason>(record.reason)));
  if (!service.empty()) line += fmt::format(" of {}", service);
  if (record.before.family != 0) line += fmt::format(", {}", describe(record.before));
  if (record.after.family != 0 && !same_endpoints(record.before, record.after)) {
    line += fmt::format(" becomes {}", describe(record.after));
  }
  if (record.backend.port != 0) {
    line += fmt::format(
        "; endpoint {}",
        endpoint(record.backend.address, record.backend.port, record.before.family).to_string());
  }
  for (const auto& [flag, text] : kFlagTexts) {
    if ((record.flags & flag) != 0) line += fmt::format("; {}", text);
  }
  switch (record.verdict) {
    case abi::VERDICT_DROP:
      line += "; dropped";
      break;
    case abi::VERDICT_REDIRECT:
      line += fmt::format("; {} {}", redirect_text(record.redirect),
                          interface_name(world, record.redirect_ifindex));
      break;
    default:
      break;
  }
  return line;
}

}  // namespace kubeproof
