#include "datapath/control/udp_cleanup.h"

#include <arpa/inet.h>

#include <algorithm>
#include <vector>

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

SocketAddress at(const abi::address& address, uint16_t port, uint8_t family) {
  return {from_abi(address, family), ntohs(port)};
}

}  // namespace

bool is_stale_udp_flow(const ServiceTable& table, const abi::tuple& tuple, const abi::flow& flow,
                       const Release& release) {
  if (tuple.protocol != kUdp) return false;
  const Family family = tuple.family == abi::FAMILY_IPV4 ? Family::kIpv4 : Family::kIpv6;
  const SocketAddress contacted = at(tuple.destination, tuple.destination_port, tuple.family);
  const SocketAddress answers = at(flow.backend.address, flow.backend.port, tuple.family);
  const auto leads_elsewhere = [&](abi::frontend_kind kind, const SocketAddress& frontend) {
    const std::vector<SocketAddress>* endpoints =
        table.udp_endpoints({.family = family, .protocol = kUdp, .kind = kind, .at = frontend});
    const auto is_it = [&](const SocketAddress& endpoint) {
      return endpoint.address == answers.address &&
             (endpoint.port == answers.port || !release.tells_ports_of_an_endpoint_apart());
    };
    return endpoints != nullptr && std::none_of(endpoints->begin(), endpoints->end(), is_it);
  };
  return leads_elsewhere(abi::FRONTEND_ADDRESS, contacted) ||
         leads_elsewhere(abi::FRONTEND_NODE_PORT, {IpAddress::unspecified(family), contacted.port});
}

}  // namespace kubeproof::control
