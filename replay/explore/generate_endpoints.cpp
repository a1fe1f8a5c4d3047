#include "replay/explore/generate_endpoints.h"

#include <fmt/format.h>

#include "replay/explore/address_plan.h"

namespace kubeproof::explore {
namespace {

void set_place(Random& random, const AddressPlan& plan, SliceEndpoint& endpoint) {
  const size_t kind = random.below(100);
  IpAddress address = random.pick(plan.pods_here);
  endpoint.node_name = kNodeName;
  if (kind >= 45 && kind < 80) {
    address = random.pick(plan.pods_elsewhere);
    endpoint.node_name = kOtherNodeName;
  } else if (kind >= 80 && kind < 90) {
    address = plan.node;  // on the host's network
  } else if (kind >= 90 && kind < 95) {
    address = plan.other_node;
    endpoint.node_name = kOtherNodeName;
  } else if (kind >= 95) {
    // Outside, or what another service may be reached at.
    address = random.pick({plan.outside[0], plan.outside[1], plan.cluster_ips[1],
                           plan.cluster_ips[2], plan.external_ips[0]});
    endpoint.node_name.reset();
  }
  endpoint.addresses = {address.to_string()};
}

void set_condition(Random& random, SliceEndpoint& endpoint) {
  endpoint.ready = true;
  endpoint.serving = true;
  endpoint.terminating = false;
  if (random.percent(75)) return;
  endpoint.ready = random.percent(20);
  endpoint.serving = random.percent(70);
  endpoint.terminating = random.percent(70);
}

SliceEndpoint generate_endpoint(Random& random, const AddressPlan& plan) {
  SliceEndpoint endpoint;
  set_place(random, plan, endpoint);
  set_condition(random, endpoint);
  if (random.percent(10)) {
    endpoint.zone_hints = {random.pick({std::string("zone-a"), std::string("zone-b")})};
  }
  if (random.percent(5)) {
    endpoint.node_hints = {random.pick({std::string(kNodeName), std::string(kOtherNodeName)})};
  }
  return endpoint;
}

const AddressPlan& plan_of(const EndpointSlice& slice) {
  return address_plan(slice.address_type == SliceAddressType::kIpv4 ? Family::kIpv4
                                                                    : Family::kIpv6);
}

}  // namespace

std::vector<EndpointSlice> generate_slices(Random& random, const Service& service) {
  std::vector<EndpointSlice> slices;
  for (const Family family : service.ip_families) {
    const size_t count = random.percent(85) ? 1 : 2;
    for (size_t i = 0; i < count; ++i) {
      EndpointSlice& slice = slices.emplace_back();
      const char* suffix = family == Family::kIpv4 ? "v4" : "v6";
      slice.key = {service.key.name_space, fmt::format("{}-{}-{}", service.key.name, suffix, i)};
      slice.labels["kubernetes.io/service-name"] = service.key.name;
      slice.address_type =
          family == Family::kIpv4 ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6;
      bool at_node = false;
      for (const ServicePort& port : service.ports) {
        uint16_t target = random.pick({uint16_t{8080}, uint16_t{5353}, port.port});
        // A process that listens at what is a service's node port, too.
        at_node = random.percent(8);
        if (at_node) target = static_cast<uint16_t>(30000 + random.below(6));
        slice.ports.push_back({port.name, port.protocol, target});
      }
      const size_t endpoints = random.percent(20) ? 0 : random.between(1, 4);
      for (size_t e = 0; e < endpoints; ++e) {
        slice.endpoints.push_back(generate_endpoint(random, address_plan(family)));
        if (at_node) slice.endpoints.back().addresses = {address_plan(family).node.to_string()};
      }
    }
  }
  return slices;
}

void change_slice(Random& random, EndpointSlice& slice) {
  const size_t action = random.below(4);
  if (slice.endpoints.empty() || action == 0) {
    slice.endpoints.push_back(generate_endpoint(random, plan_of(slice)));
    return;
  }
  const size_t place = random.below(slice.endpoints.size());
  if (action == 1) {
    slice.endpoints.erase(slice.endpoints.begin() + static_cast<long>(place));
  } else if (action == 2) {
    set_condition(random, slice.endpoints[place]);
  } else {
    slice.endpoints[place] = generate_endpoint(random, plan_of(slice));
  }
}

}  // namespace kubeproof::explore
