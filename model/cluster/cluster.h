// Kubernetes objects, reduced to the fields that kube-proxy and its replacements read. Reading them
// from JSON and YAML is in read_objects.h. Only the types that both the reference and the
// datapath's control may share are here: what the fields mean is decided elsewhere, twice.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/packet/address.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

struct ObjectKey {
  std::string name_space;  // empty for Nodes
  std::string name;

  std::string to_string() const { return name_space.empty() ? name : name_space + "/" + name; }
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

enum class TrafficPolicy : uint8_t { kCluster, kLocal };
enum class ServiceType : uint8_t { kClusterIp, kNodePort, kLoadBalancer, kExternalName };

struct ServicePort {
  std::string name;  // empty for the single unnamed port
  Protocol protocol = kTcp;
  uint16_t port = 0;
  uint16_t node_port = 0;  // 0: none

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

struct LoadBalancerIngress {
  std::string ip;           // empty for hostname-only entries
  bool proxy_mode = false;  // ipMode: Proxy

  friend bool operator==(const LoadBalancerIngress&, const LoadBalancerIngress&) = default;
};

// Address texts stay as the API served them: what is sloppy or invalid in them is for the reader of
// the field to judge.
struct Service {
  ObjectKey key;
  std::map<std::string, std::string> labels;
  ServiceType type = ServiceType::kClusterIp;
  std::string cluster_ip;  // may be "None"
  std::vector<std::string> cluster_ips;
  std::vector<Family> ip_families;
  std::vector<ServicePort> ports;
  std::vector<std::string> external_ips;
  std::vector<LoadBalancerIngress> load_balancer_ingress;
  std::vector<std::string> load_balancer_source_ranges;
  TrafficPolicy external_traffic_policy = TrafficPolicy::kCluster;
  TrafficPolicy internal_traffic_policy = TrafficPolicy::kCluster;
  bool client_ip_affinity = false;
  uint32_t affinity_timeout_seconds = 10800;
  uint16_t health_check_node_port = 0;
  // The annotations service.kubernetes.io/topology-aware-hints and topology-mode, which releases up
  // to 1.30 consult.
  std::optional<std::string> topology_aware_hints;
  std::optional<std::string> topology_mode;

  friend bool operator==(const Service&, const Service&) = default;
};

enum class SliceAddressType : uint8_t { kIpv4, kIpv6, kFqdn };

struct SliceEndpoint {
  std::vector<std::string> addresses;
  std::optional<std::string> node_name;
  std::optional<std::string> target_pod;  // targetRef.name where its kind is Pod
  // Absent conditions as the API defines them: ready and serving true, terminating false.
  bool ready = true;
  bool serving = true;
  bool terminating = false;
  std::vector<std::string> zone_hints;
  std::vector<std::string> node_hints;

  friend bool operator==(const SliceEndpoint&, const SliceEndpoint&) = default;
};

struct SlicePort {
  std::optional<std::string> name;
  Protocol protocol = kTcp;
  std::optional<uint16_t> port;

  friend bool operator==(const SlicePort&, const SlicePort&) = default;
};

struct EndpointSlice {
  ObjectKey key;
  std::map<std::string, std::string> labels;
  SliceAddressType address_type = SliceAddressType::kIpv4;
  std::vector<SliceEndpoint> endpoints;
  std::vector<SlicePort> ports;

  friend bool operator==(const EndpointSlice&, const EndpointSlice&) = default;
};

struct NodeAddress {
  std::string type;  // InternalIP, ExternalIP, Hostname, …
  std::string address;
};

struct Node {
  ObjectKey key;
  std::map<std::string, std::string> labels;
  std::vector<NodeAddress> addresses;
  std::vector<std::string> pod_cidrs;
};

struct Pod {
  ObjectKey key;
  std::string node_name;
  bool host_network = false;
  std::vector<std::string> pod_ips;
};

// One state of the API's objects. Keys are unique within a kind.
struct Cluster {
  std::map<ObjectKey, Service> services;
  std::map<ObjectKey, EndpointSlice> endpoint_slices;
  std::map<ObjectKey, Node> nodes;
  std::map<ObjectKey, Pod> pods;
};

}  // namespace kubeproof
