#include "replay/explore/rare_objects.h"

#include <string>

#include "replay/explore/address_plan.h"

namespace kubeproof::explore {
namespace {

constexpr unsigned kRare = 8;  // percent

constexpr const char* kProxyName = "service.kubernetes.io/service-proxy-name";
constexpr const char* kHeadless = "service.kubernetes.io/headless";

// "203.0.113.1" with the zeros that Go's sloppy parser takes for none; an IPv4 address in IPv6's
// clothes.
void spell_otherwise(Random& random, std::string& address) {
  const size_t dot = address.rfind('.');
  if (dot == std::string::npos || address.find(':') != std::string::npos) return;
  if (random.percent(50)) {
    address.insert(dot + 1, address.size() - dot < 4 ? "0" : "");
  } else {
    address.insert(0, "::ffff:");
  }
}

void make_rare(Random& random, Service& service) {
  switch (random.below(6)) {
    case 0:
      service.labels[kProxyName] = random.pick({"", "another"});
      break;
    case 1:
      service.labels[kHeadless] = "";  // that of slices: it hides no service
      break;
    case 2:
      service.cluster_ip = "None";
      service.cluster_ips = {"None"};
      break;
    case 3:
      service.type = ServiceType::kExternalName;
      break;
    default:
      for (std::string& each : service.external_ips) spell_otherwise(random, each);
      for (LoadBalancerIngress& each : service.load_balancer_ingress) {
        spell_otherwise(random, each.ip);
      }
  }
}

void make_rare(Random& random, EndpointSlice& slice) {
  switch (random.below(6)) {
    case 0:
      slice.labels[kHeadless] = "";
      break;
    case 1:
      slice.labels[kProxyName] = "another";
      break;
    case 2:
      slice.ports.front().name = "another";
      break;
    case 3:
      slice.ports.front().port.reset();
      break;
    case 4:
      slice.address_type = SliceAddressType::kFqdn;
      for (SliceEndpoint& each : slice.endpoints) each.addresses = {"backend.example.org"};
      break;
    default:
      for (SliceEndpoint& each : slice.endpoints) {
        const bool ipv4 = slice.address_type == SliceAddressType::kIpv4;
        const AddressPlan& plan = address_plan(ipv4 ? Family::kIpv4 : Family::kIpv6);
        const bool here = each.node_name == kNodeName;
        each.addresses.push_back((here ? plan.pods_here : plan.pods_elsewhere)[1].to_string());
      }
  }
}

}  // namespace

void use_rare_fields(Random& random, std::vector<Cluster>& clusters) {
  for (Cluster& cluster : clusters) {
    for (auto& [key, service] : cluster.services) {
      if (random.percent(kRare)) make_rare(random, service);
    }
    for (auto& [key, slice] : cluster.endpoint_slices) {
      if (random.percent(kRare)) make_rare(random, slice);
    }
  }
}

}  // namespace kubeproof::explore
