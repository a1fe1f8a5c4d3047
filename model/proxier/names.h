// Names of chains and the hashes in them (kube-proxy: pkg/proxy/types.go, pkg/proxy/iptables/
// proxier.go portProtoHash and servicePortEndpointChainName).
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "model/cluster/cluster.h"

namespace kubeproof::proxier {

// What kube-proxy knows one port of one Service by.
struct ServicePortName {
  ObjectKey service;
  std::string port;  // empty for the single unnamed port
  Protocol protocol = kTcp;

  // "namespace/name:port", or "namespace/name" for the unnamed port.
  std::string to_string() const;
  friend auto operator<=>(const ServicePortName&, const ServicePortName&) = default;
};

// "tcp", "udp", "sctp".
std::string_view lower_case(Protocol protocol);

// The first 16 characters of the base32 form (RFC 4648) of a SHA-256.
std::string chain_hash(std::string_view text);

// The chains of one service port: KUBE-SVC-…, KUBE-SVL-…, KUBE-EXT-…, KUBE-FW-… with one hash; up
// to 1.23 KUBE-XLB-… for the Local external policy.
struct ServicePortChains {
  explicit ServicePortChains(const ServicePortName& name);

  std::string cluster;
  std::string local;
  std::string external;
  std::string firewall;
  std::string external_local;
};

// KUBE-SEP-…: `endpoint` is "ip:port" or "[ip6]:port".
std::string endpoint_chain(const ServicePortName& name, std::string_view endpoint);

}  // namespace kubeproof::proxier
