#include "replay/explore/generate_cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "replay/explore/address_plan.h"
#include "replay/explore/generate_endpoints.h"
#include "replay/explore/generate_service.h"

namespace kubeproof::explore {
namespace {

constexpr const char* kNamespace = "default";

Node node(const char* name, const char* zone, bool own) {
  Node result;
  result.key.name = name;
  result.labels["topology.kubernetes.io/zone"] = zone;
  for (const Family family : kFamilies) {
    const AddressPlan& plan = address_plan(family);
    const IpAddress& address = own ? plan.node : plan.other_node;
    result.addresses.push_back({"InternalIP", address.to_string()});
    if (own) result.pod_cidrs.push_back(plan.pod_cidr);
  }
  return result;
}

Pod pod_here(size_t number) {
  Pod result;
  result.key = {kNamespace, fmt::format("pod{}", number)};
  result.node_name = kNodeName;
  for (const Family family : kFamilies) {
    result.pod_ips.push_back(address_plan(family).pods_here[number].to_string());
  }
  return result;
}

void add_service(Random& random, Cluster& cluster, size_t number) {
  const Service service =
      generate_service(random, {kNamespace, fmt::format("svc{}", number)}, number);
  cluster.services[service.key] = service;
  for (EndpointSlice& slice : generate_slices(random, service)) {
    cluster.endpoint_slices[slice.key] = std::move(slice);
  }
}

template <class Map>
typename Map::iterator pick_from(Random& random, Map& map) {
  return std::next(map.begin(), static_cast<ptrdiff_t>(random.below(map.size())));
}

}  // namespace

Cluster cluster_without_services() {
  Cluster cluster;
  for (const Node& each :
       {node(kNodeName, "zone-a", true), node(kOtherNodeName, "zone-b", false)}) {
    cluster.nodes[each.key] = each;
  }
  for (size_t number = 0; number < address_plan(Family::kIpv4).pods_here.size(); ++number) {
    const Pod pod = pod_here(number);
    cluster.pods[pod.key] = pod;
  }
  return cluster;
}

Cluster generate_cluster(Random& random) {
  Cluster cluster = cluster_without_services();
  const size_t services = random.between(2, 6);
  for (size_t number = 0; number < services; ++number) add_service(random, cluster, number);
  return cluster;
}

Cluster change_cluster(Random& random, Cluster cluster) {
  const size_t changes = random.between(1, 3);
  for (size_t i = 0; i < changes; ++i) {
    if (cluster.services.empty() || random.percent(10)) {
      add_service(random, cluster, random.below(4));
    } else if (random.percent(10)) {
      cluster.services.erase(pick_from(random, cluster.services));
    } else if (random.percent(25)) {
      change_service(random, pick_from(random, cluster.services)->second);
    } else if (!cluster.endpoint_slices.empty()) {
      change_slice(random, pick_from(random, cluster.endpoint_slices)->second);
    }
  }
  return cluster;
}

}  // namespace kubeproof::explore
