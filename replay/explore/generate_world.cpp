#include "replay/explore/generate_world.h"

#include "model/node/node_pods.h"
#include "model/snapshot/snapshot.h"
#include "replay/explore/address_plan.h"
#include "replay/explore/generate_cluster.h"

namespace kubeproof::explore {
namespace {

std::vector<std::string> node_port_addresses(Random& random) {
  switch (random.below(8)) {
    case 0:
      return {"primary"};
    case 1:
      return {"192.168.0.2/32", "2001:db8::/64"};
    case 2:
      return {"127.0.0.0/8"};
    case 3:
      return {"192.168.0.0/24"};
    default:
      return {};
  }
}

void set_detector(Random& random, ProxyConfig& config) {
  switch (random.below(8)) {
    case 0:
      config.detect_local_mode = DetectLocalMode::kNodeCidr;
      break;
    case 1:
      config.detect_local_mode = DetectLocalMode::kBridgeInterface;
      config.bridge_interface = "br0";
      break;
    case 2:
      config.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
      config.interface_name_prefix = "veth";
      break;
    case 3:
      break;  // no cluster CIDR: pods are not told from others
    default:
      for (const Family family : kFamilies) {
        config.cluster_cidrs.push_back(address_plan(family).cluster_cidr);
      }
  }
}

InterfaceAddress uplink_address(const IpAddress& address, const std::string& prefix) {
  InterfaceAddress result;
  result.address = address;
  result.prefix_length = Cidr::parse(address.to_string() + prefix)->prefix_length();
  return result;
}

}  // namespace

ProxyConfig generate_proxy_config(Random& random) {
  ProxyConfig config;
  set_detector(random, config);
  config.node_port_addresses = node_port_addresses(random);
  config.masquerade_all = random.percent(15);
  config.localhost_node_ports = !random.percent(25);
  config.tcp_be_liberal = random.percent(15);
  if (random.percent(15)) config.masquerade_bit = random.pick({uint8_t{0}, uint8_t{31}});
  return config;
}

NodeSpec generate_node(Random& random) {
  NodeSpec spec;
  spec.name = kNodeName;
  const bool second = random.percent(40);
  const bool among_pods = random.percent(30);
  for (const Family family : kFamilies) {
    const AddressPlan& plan = address_plan(family);
    spec.addresses.push_back(uplink_address(plan.node, plan.node_prefix));
    if (second) spec.addresses.push_back(uplink_address(plan.second_node, plan.node_prefix));
    if (among_pods) {
      const char* host = family == Family::kIpv4 ? "/32" : "/128";
      spec.addresses.push_back(uplink_address(plan.node_among_pods, host));
    }
    spec.pod_cidrs.push_back(Cidr::parse(plan.pod_cidr).value());
  }
  return spec;
}

World world_of(const NodeSpec& node, const ProxyConfig& proxy) {
  const Cluster cluster = cluster_without_services();
  NodePods pods(node);
  pods.add(cluster);
  // The address plan is one that a world can be made of.
  return make_world(node, pods, cluster, proxy).value();
}

}  // namespace kubeproof::explore
