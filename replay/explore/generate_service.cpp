#include "replay/explore/generate_service.h"

#include <fmt/format.h>

#include "replay/explore/address_plan.h"

namespace kubeproof::explore {
namespace {

constexpr uint16_t kFirstNodePort = 30000;

void set_cluster_ips(Random& random, Service& service, size_t number) {
  std::vector<Family> families = {Family::kIpv4, Family::kIpv6};
  if (random.percent(30)) families.erase(families.begin() + static_cast<long>(random.below(2)));
  for (const Family family : families) {
    service.ip_families.push_back(family);
    service.cluster_ips.push_back(address_plan(family).cluster_ips[number % 4].to_string());
  }
  service.cluster_ip = service.cluster_ips.front();
}

void set_ports(Random& random, Service& service, size_t number) {
  const size_t ports = random.percent(70) ? 1 : 2;
  for (size_t i = 0; i < ports; ++i) {
    ServicePort port;
    port.name = ports == 1 ? "" : fmt::format("p{}", i);
    port.protocol = random.percent(45) ? kTcp : random.percent(85) ? kUdp : kSctp;
    port.port = random.pick({uint16_t{80}, uint16_t{53}, uint16_t{8080}});
    // At the node itself, this may be another service's node port.
    if (service.type != ServiceType::kClusterIp && random.percent(8)) {
      port.port = static_cast<uint16_t>(kFirstNodePort + random.below(6));
      for (const Family family : kFamilies) {
        service.external_ips.push_back(address_plan(family).node.to_string());
      }
    }
    if (service.type != ServiceType::kClusterIp && !random.percent(10)) {
      port.node_port = static_cast<uint16_t>(kFirstNodePort + number * 2 + i);
    }
    service.ports.push_back(port);
  }
}

// An address for externalIPs or a load balancer: mostly nobody's, sometimes one that is taken.
std::string external_address(Random& random) {
  const AddressPlan& plan = address_plan(random.percent(60) ? Family::kIpv4 : Family::kIpv6);
  if (random.percent(80)) return random.pick(plan.external_ips).to_string();
  return random
      .pick({plan.node, plan.second_node, plan.other_node, plan.pods_here[0], plan.cluster_ips[0]})
      .to_string();
}

std::string source_range(Random& random) {
  return random.pick({"198.51.100.0/24", "198.51.100.7/32", "192.168.0.0/24", "10.180.0.0/16",
                      "0.0.0.0/0", "2001:db8:ffff::/48", "fd00:180::/32", "2001:db8::2/128",
                      " 198.51.100.0/24 "});
}

TrafficPolicy policy(Random& random) {
  return random.percent(60) ? TrafficPolicy::kCluster : TrafficPolicy::kLocal;
}

void set_load_balancer(Random& random, Service& service) {
  const size_t addresses = random.percent(10) ? 0 : random.between(1, 2);
  for (size_t i = 0; i < addresses; ++i) {
    service.load_balancer_ingress.push_back({external_address(random), random.percent(10)});
  }
  if (random.percent(45)) {
    const size_t ranges = random.between(1, 3);
    for (size_t i = 0; i < ranges; ++i) {
      service.load_balancer_source_ranges.emplace_back(source_range(random));
    }
  }
  if (random.percent(50)) service.health_check_node_port = 31000;
}

void set_affinity(Random& random, Service& service) {
  service.client_ip_affinity = random.percent(25);
  service.affinity_timeout_seconds = random.pick({10800U, 100U});
}

}  // namespace

Service generate_service(Random& random, const ObjectKey& key, size_t number) {
  Service service;
  service.key = key;
  service.type = random.pick({ServiceType::kClusterIp, ServiceType::kNodePort,
                              ServiceType::kLoadBalancer, ServiceType::kLoadBalancer});
  set_cluster_ips(random, service, number);
  set_ports(random, service, number);
  const size_t externals = random.percent(65) ? 0 : random.between(1, 2);
  for (size_t i = 0; i < externals; ++i) service.external_ips.push_back(external_address(random));
  if (service.type == ServiceType::kLoadBalancer) set_load_balancer(random, service);
  service.external_traffic_policy = policy(random);
  service.internal_traffic_policy = random.percent(80) ? TrafficPolicy::kCluster : policy(random);
  set_affinity(random, service);
  return service;
}

void change_service(Random& random, Service& service) {
  switch (random.below(5)) {
    case 0:
      service.external_traffic_policy = policy(random);
      break;
    case 1:
      service.internal_traffic_policy = policy(random);
      break;
    case 2:
      set_affinity(random, service);
      break;
    case 3:
      service.external_ips = {external_address(random)};
      break;
    default:
      service.load_balancer_source_ranges = {source_range(random)};
  }
}

}  // namespace kubeproof::explore
