// kube-proxy's configuration: the fields of KubeProxyConfiguration
// (kubeproxy.config.k8s.io/v1alpha1) that change what a packet meets, with its defaults.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kubeproof {

enum class DetectLocalMode : uint8_t {
  kClusterCidr,
  kNodeCidr,
  kBridgeInterface,
  kInterfaceNamePrefix,
};

// The conntrack timeouts that kube-proxy sets; absent ones stay as the kernel has them.
struct ConntrackTimeouts {
  std::optional<std::chrono::seconds> tcp_established = std::chrono::hours(24);
  std::optional<std::chrono::seconds> tcp_close_wait = std::chrono::hours(1);
  std::optional<std::chrono::seconds> udp;
  std::optional<std::chrono::seconds> udp_stream;

  friend bool operator==(const ConntrackTimeouts&, const ConntrackTimeouts&) = default;
};

struct ProxyConfig {
  std::vector<std::string> cluster_cidrs;  // clusterCIDR, split at commas
  DetectLocalMode detect_local_mode = DetectLocalMode::kClusterCidr;
  std::string bridge_interface;
  std::string interface_name_prefix;
  std::vector<std::string> node_port_addresses;
  std::string bind_address = "0.0.0.0";
  std::string hostname_override;
  uint8_t masquerade_bit = 14;
  bool masquerade_all = false;
  bool localhost_node_ports = true;
  bool tcp_be_liberal = false;
  bool allow_service_external_ips = true;          // the feature gate of this name
  std::vector<std::string> ignored_feature_gates;  // others that were set: they change nothing here
  ConntrackTimeouts timeouts;
  uint8_t release_minor = 36;  // of the kube-proxy to follow: Kubernetes 1.36

  uint32_t masquerade_mark() const { return uint32_t{1} << masquerade_bit; }
};

}  // namespace kubeproof
