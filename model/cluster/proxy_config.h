// kube-proxy's configuration: the fields of KubeProxyConfiguration
// (kubeproxy.config.k8s.io/v1alpha1) that change what a packet meets, with its defaults.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kubeproof {

enum class DetectLocalMode : uint8_t {
  kClusterCidr,
  kNodeCidr,
  kBridgeInterface,
  kInterfaceNamePrefix,
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
  uint8_t release_minor = 36;  // of the kube-proxy to follow: Kubernetes 1.36

  uint32_t masquerade_mark() const { return uint32_t{1} << masquerade_bit; }
};

}  // namespace kubeproof
