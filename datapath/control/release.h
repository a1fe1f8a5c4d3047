// Which release of kube-proxy the datapath stands in for (`proxyVersion`), and what that changes in
// how it reads objects. The others differ in more than entries of maps can say, or in which UDP
// flows a change of the objects ends, and are not offered.
#pragma once

#include "model/cluster/proxy_config.h"
#include "model/result.h"

namespace kubeproof::control {

struct Release {
  static constexpr int kOldest = 32;
  static constexpr int kNewest = 36;

  Release() = default;
  explicit Release(const ProxyConfig& proxy)
      : minor(proxy.release_minor),
        serves_external_ips(minor < 36 || proxy.allow_service_external_ips) {}

  Result<void> check_offered() const {
    if (minor >= kOldest && minor <= kNewest) return {};
    return environment_error(
        "the eBPF datapath does as kube-proxy 1.{} to 1.{} do; proxyVersion asks for v1.{}",
        kOldest, kNewest, minor);
  }

  // pkg/proxy/topology.go
  bool reads_hints_for_nodes() const { return minor >= 34; }
  // cmd/kube-proxy/app/server.go: one label selector for Services and EndpointSlices
  bool hides_both_kinds_alike() const { return minor < 36; }
  // pkg/proxy/endpointslicecache.go addEndpoints
  bool local_duplicate_wins() const { return minor < 36; }
  // pkg/proxy/conntrack/cleanup.go
  bool tells_ports_of_an_endpoint_apart() const { return minor >= 34; }

  friend bool operator==(const Release&, const Release&) = default;

  int minor = kNewest;
  bool serves_external_ips = true;
};

}  // namespace kubeproof::control
