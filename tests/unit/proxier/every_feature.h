// A dual-stack cluster in which every field of Services and EndpointSlices that kube-proxy reads
// has its say, and the configurations that change how it writes rules.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {

// A Service of both families; `number` makes its addresses.
inline Service dual_service(const std::string& name, int number, std::vector<ServicePort> ports) {
  const std::string last = std::to_string(number);
  Service made = service("every", name, "10.96.0." + last);
  made.cluster_ips.push_back("fd00:10:96::" + last);
  made.ip_families = {Family::kIpv4, Family::kIpv6};
  made.ports = std::move(ports);
  return made;
}

class EveryFeature {
 public:
  EveryFeature() {
    const ServicePort web{"http", kTcp, 80, 0};
    const ServicePort dns{"dns", kUdp, 53, 0};
    add(dual_service("plain", 1, {web, dns, {"sctp", kSctp, 9999, 0}}), {here(1), there(2)});

    Service sticky = dual_service("sticky", 2, {web});
    sticky.client_ip_affinity = true;
    sticky.affinity_timeout_seconds = 600;
    sticky.ports[0].node_port = 30002;
    add(sticky, {here(1), there(2), there(3), there(4)});

    add(exposed("cluster-policy", 3), {here(1), there(2)});
    Service local = exposed("local-policy", 4);
    local.external_traffic_policy = TrafficPolicy::kLocal;
    local.health_check_node_port = 31004;
    add(local, {here(1), here(4), there(2)});
    Service elsewhere = exposed("local-policy-elsewhere", 5);
    elsewhere.external_traffic_policy = TrafficPolicy::kLocal;
    add(elsewhere, {there(2)});
    add(exposed("nobody", 6), {});

    Service internal = dual_service("internal-local", 7, {web});
    internal.internal_traffic_policy = TrafficPolicy::kLocal;
    add(internal, {here(1), there(2)});
    Service internal_elsewhere = dual_service("internal-elsewhere", 8, {web});
    internal_elsewhere.internal_traffic_policy = TrafficPolicy::kLocal;
    add(internal_elsewhere, {there(2)});

    Service guarded = exposed("source-ranges", 9);
    guarded.load_balancer_source_ranges = {"203.0.113.0/24", "192.168.0.0/24", "2001:db8:a::/48",
                                           "2001:db8::/64"};
    add(guarded, {there(2)});

    SliceEndpoint leaving = here(1);
    leaving.ready = false;
    leaving.terminating = true;
    add(exposed("terminating", 10), {leaving});

    SliceEndpoint hinted = there(2);
    hinted.zone_hints = {"zone-a"};
    SliceEndpoint hinted_away = there(3);
    hinted_away.zone_hints = {"zone-b"};
    add(dual_service("hints", 11, {web}), {hinted, hinted_away});

    for (auto& [key, node] : cluster_.nodes) {
      node.labels["topology.kubernetes.io/zone"] = "zone-a";
      node.pod_cidrs = {"10.180.0.0/24", "fd00:10:180::/64"};
    }
  }

  const Cluster& cluster() const { return cluster_; }

 private:
  static SliceEndpoint here(int number) { return endpoint(std::to_string(number), "node-a"); }
  static SliceEndpoint there(int number) { return endpoint(std::to_string(number), "node-b"); }

  // With a node port, an external IP and an address of a load balancer.
  static Service exposed(const std::string& name, int number) {
    const std::string last = std::to_string(number);
    Service made = dual_service(name, number,
                                {{"http", kTcp, 80, static_cast<uint16_t>(30000 + number)},
                                 {"udp", kUdp, 80, static_cast<uint16_t>(30000 + number)}});
    made.type = ServiceType::kLoadBalancer;
    made.external_ips = {"198.51.100." + last, "2001:db8:e::" + last};
    made.load_balancer_ingress = {{"203.0.113." + last, false}, {"2001:db8:1b::" + last, false}};
    return made;
  }

  // The endpoints' addresses are the last parts of pods' addresses.
  void add(const Service& made, const std::vector<SliceEndpoint>& endpoints) {
    cluster_.services[made.key] = made;
    for (const bool v6 : {false, true}) {
      std::vector<SliceEndpoint> addressed = endpoints;
      for (SliceEndpoint& each : addressed) {
        const std::string third = each.node_name == "node-a" ? "0" : "1";
        const std::string prefix = v6 ? "fd00:10:180:" + third + "::" : "10.180." + third + ".";
        each.addresses = {prefix + each.addresses[0]};
      }
      EndpointSlice its = slice(made, addressed, 8080);
      its.key.name += v6 ? "-v6" : "-v4";
      its.address_type = v6 ? SliceAddressType::kIpv6 : SliceAddressType::kIpv4;
      cluster_.endpoint_slices[its.key] = its;
    }
  }

  Cluster cluster_ = proxier::cluster({}, {});
};

struct NamedConfig {
  const char* name;
  ProxyConfig config;
};

inline std::vector<NamedConfig> every_config() {
  std::vector<NamedConfig> configs;
  const auto add = [&](const char* name, auto change) {
    ProxyConfig config = cluster_cidr_config();
    change(config);
    configs.push_back({name, config});
  };
  add("ClusterCidr", [](ProxyConfig&) {});
  add("NodeCidr",
      [](ProxyConfig& config) { config.detect_local_mode = DetectLocalMode::kNodeCidr; });
  add("BridgeInterface", [](ProxyConfig& config) {
    config.detect_local_mode = DetectLocalMode::kBridgeInterface;
    config.bridge_interface = "cni0";
  });
  add("InterfacePrefix", [](ProxyConfig& config) {
    config.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
    config.interface_name_prefix = "cali";
  });
  add("NoDetector", [](ProxyConfig& config) { config.cluster_cidrs.clear(); });
  add("MasqueradeAll", [](ProxyConfig& config) { config.masquerade_all = true; });
  add("NodePortAddresses", [](ProxyConfig& config) {
    config.node_port_addresses = {"192.168.0.0/24", "127.0.0.0/8", "2001:db8::/64", "::1/128"};
  });
  add("PrimaryNodePorts", [](ProxyConfig& config) { config.node_port_addresses = {"primary"}; });
  add("NoLocalhostNodePorts", [](ProxyConfig& config) { config.localhost_node_ports = false; });
  add("MasqueradeBit", [](ProxyConfig& config) { config.masquerade_bit = 31; });
  add("Release27", [](ProxyConfig& config) { config.release_minor = 27; });
  add("Release26", [](ProxyConfig& config) { config.release_minor = 26; });
  add("Release24", [](ProxyConfig& config) { config.release_minor = 24; });
  add("Release23", [](ProxyConfig& config) { config.release_minor = 23; });
  add("Release20", [](ProxyConfig& config) { config.release_minor = 20; });
  return configs;
}

}  // namespace kubeproof::proxier
