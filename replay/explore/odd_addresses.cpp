#include "replay/explore/odd_addresses.h"

#include <string>

#include "replay/explore/address_plan.h"

namespace kubeproof::explore {
namespace {

constexpr unsigned kOdd = 10;  // percent

// That the API server takes anywhere.
std::string odd_address(Random& random, Family family) {
  if (family == Family::kIpv6) return random.pick({"ff01::1", "ff05::2", "ff0e::1:3"});
  return random.pick({"255.255.255.255", "192.168.0.255", "192.168.0.0", "239.1.2.3",
                      "127.255.255.255", "240.0.0.1"});
}

// That it takes in a status only.
std::string odder_address(Random& random, Family family) {
  return family == Family::kIpv6 ? random.pick({"ff02::1", "::"})
                                 : random.pick({"224.0.0.1", "0.0.0.0"});
}

void replace(std::string& text, const IpAddress& address, const std::string& odd) {
  if (text == address.to_string()) text = odd;
}

void replace_external_ip(Cluster& cluster, const IpAddress& address, const std::string& odd) {
  for (auto& [key, service] : cluster.services) {
    for (std::string& each : service.external_ips) replace(each, address, odd);
  }
}

void replace_load_balancer(Cluster& cluster, const IpAddress& address, const std::string& odd) {
  for (auto& [key, service] : cluster.services) {
    for (LoadBalancerIngress& each : service.load_balancer_ingress) replace(each.ip, address, odd);
  }
}

void replace_endpoint(Cluster& cluster, const IpAddress& address, const std::string& odd) {
  for (auto& [key, slice] : cluster.endpoint_slices) {
    for (SliceEndpoint& endpoint : slice.endpoints) {
      replace(endpoint.addresses.front(), address, odd);
    }
  }
}

}  // namespace

void use_odd_addresses(Random& random, std::vector<Cluster>& clusters) {
  for (const Family family : kFamilies) {
    const AddressPlan& plan = address_plan(family);
    if (random.percent(kOdd)) {
      const std::string odd = odd_address(random, family);
      const std::string odder = random.percent(50) ? odder_address(random, family) : odd;
      for (Cluster& cluster : clusters) {
        replace_external_ip(cluster, plan.external_ips[2], odd);
        replace_load_balancer(cluster, plan.external_ips[2], odder);
      }
    }
    if (random.percent(kOdd)) {
      const std::string odd = odd_address(random, family);
      for (Cluster& cluster : clusters) replace_endpoint(cluster, plan.pods_elsewhere[1], odd);
    }
  }
}

}  // namespace kubeproof::explore
