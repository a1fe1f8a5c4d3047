// How kube-proxy up to 1.31 decided which UDP flows to end: from what had changed
// (pkg/proxy/endpointschangetracker.go detectStaleConntrackEntries, pkg/proxy/conntrack/cleanup.go,
// in older releases pkg/proxy/endpoints.go and iptables/proxier.go), each event as one run of
// `conntrack -D`:
//   an endpoint is gone        flows by the service's addresses or its NodePort to its address
//   a service got its first    all flows to the service's addresses, of any port, and to the number
//   endpoint                   of its NodePort, of any address
//   a service port is deleted  all flows to its cluster IP, of any port
#pragma once

#include <cstdint>
#include <set>
#include <utility>

#include "model/packet/address.h"
#include "model/proxier/release.h"
#include "model/proxier/service_state.h"

namespace kubeproof::proxier {

class UdpEvents {
 public:
  UdpEvents(const ServiceState& before, const ServiceState& after, Release release);

  bool any() const;
  bool contains(const SocketAddress& original_destination, const SocketAddress& reply_source) const;

 private:
  void endpoint_gone(const ServicePortInfo& port, const IpAddress& endpoint);
  void first_endpoint(const ServicePortInfo& port);

  std::set<IpAddress> addresses_;
  std::set<uint16_t> node_ports_;
  // With the address that flows are translated to.
  std::set<std::pair<IpAddress, IpAddress>> translated_;
  std::set<std::pair<uint16_t, IpAddress>> translated_node_ports_;
};

}  // namespace kubeproof::proxier
