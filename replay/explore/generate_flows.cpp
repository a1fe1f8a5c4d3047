#include <algorithm>

#include "model/cluster/address_text.h"
#include "replay/explore/address_plan.h"
#include "replay/explore/generate_traffic.h"

namespace kubeproof::explore {
namespace {

struct Target {
  SocketAddress address;
  uint8_t protocol = kTcp;
};

void add_texts(std::vector<Target>& targets, const std::vector<std::string>& texts, Family family,
               const ServicePort& port) {
  for (const std::string& text : texts) {
    const auto address = parse_sloppy_address(text);
    if (address && address->family() == family) {
      targets.push_back({{*address, port.port}, port.protocol});
    }
  }
}

// What a service can be reached at.
enum class FrontendKind : uint8_t {
  kClusterIp,
  kExternalIp,
  kLoadBalancer,
  kNodePort,
  kHealthCheck,
};
constexpr size_t kFrontendKinds = 5;

// Of every service, in every state of the cluster; node ports at `hosts`.
std::vector<Target> frontends(const std::vector<Cluster>& clusters, Family family,
                              FrontendKind kind, const std::vector<IpAddress>& hosts) {
  std::vector<Target> targets;
  const auto at_the_node = [&](uint16_t number, uint8_t protocol) {
    for (const IpAddress& host : hosts) {
      if (number != 0) targets.push_back({{host, number}, protocol});
    }
  };
  for (const Cluster& cluster : clusters) {
    for (const auto& [key, service] : cluster.services) {
      std::vector<std::string> vips;
      for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
        vips.push_back(ingress.ip);
      }
      if (kind == FrontendKind::kHealthCheck) at_the_node(service.health_check_node_port, kTcp);
      for (const ServicePort& port : service.ports) {
        if (kind == FrontendKind::kClusterIp) {
          add_texts(targets, service.cluster_ips, family, port);
        } else if (kind == FrontendKind::kExternalIp) {
          add_texts(targets, service.external_ips, family, port);
        } else if (kind == FrontendKind::kLoadBalancer) {
          add_texts(targets, vips, family, port);
        } else if (kind == FrontendKind::kNodePort) {
          at_the_node(port.node_port, port.protocol);
        }
      }
    }
  }
  return targets;
}

// The endpoints themselves, past their services.
std::vector<Target> endpoints(const std::vector<Cluster>& clusters, Family family) {
  std::vector<Target> targets;
  for (const Cluster& cluster : clusters) {
    for (const auto& [key, slice] : cluster.endpoint_slices) {
      for (const SliceEndpoint& endpoint : slice.endpoints) {
        const auto address = parse_sloppy_address(endpoint.addresses.front());
        if (!address || address->family() != family) continue;
        for (const SlicePort& port : slice.ports) {
          targets.push_back({{*address, port.port.value_or(0)}, port.protocol});
        }
      }
    }
  }
  return targets;
}

// In the kernel, a rule marks packets as they enter, and each other mark is another rule: slow.
constexpr unsigned kMarkedScenarios = 5;

class FlowGenerator {
 public:
  FlowGenerator(Random& random, const Scenario& scenario, const TrafficKinds& kinds)
      : random_(random),
        scenario_(scenario),
        kinds_(kinds),
        extra_(scenario.seed ^ 0x2),
        marks_(kinds.marks && random.percent(kMarkedScenarios)) {}

  FlowPlan generate(const std::vector<FlowPlan>& earlier) {
    const Family family = random_.percent(60) ? Family::kIpv4 : Family::kIpv6;
    plan_ = &address_plan(family);
    note_addresses_of_node();
    const Target target = pick_target();
    FlowPlan flow;
    flow.to = target.address;
    flow.protocol = target.protocol;
    set_origin(flow);
    flow.from.port =
        random_.pick({uint16_t{1}, uint16_t{511}, uint16_t{600}, uint16_t{1023}, uint16_t{1024},
                      uint16_t{4000}, uint16_t{4001}, uint16_t{65535}});
    // The same client and port toward something else: netfilter must keep the two apart.
    if (!earlier.empty() && random_.percent(25)) {
      const FlowPlan& other = random_.pick(earlier);
      if (other.from.address.family() == family) {
        flow.from = other.from;
        flow.ingress = other.ingress;
        flow.protocol = other.protocol;
      }
    }
    if (marks_ && random_.percent(10)) flow.mark = random_.pick({1U, 0x4000U, 0x80000000U});
    if (flow.protocol == kIcmp || flow.protocol == kIcmpv6) {
      flow.to.port = flow.from.port;
      // Time stamps, information, address masks; node information; and types that nobody knows.
      if (kinds_.oddities && extra_.percent(15)) {
        flow.query = flow.protocol == kIcmp
                         ? extra_.pick({uint8_t{13}, uint8_t{15}, uint8_t{17}, uint8_t{42}})
                         : extra_.pick({uint8_t{139}, uint8_t{200}});
      }
    }
    return flow;
  }

 private:
  // Of the family at hand; of its links' scope, they are of use on one link only.
  void note_addresses_of_node() {
    own_.clear();
    for (const Interface& interface : scenario_.world.interfaces) {
      for (const InterfaceAddress& each : interface.addresses) {
        if (each.address.family() != plan_->family || each.scope == AddressScope::kLink) continue;
        own_.push_back(each.address);
      }
    }
    for (const Route& route : scenario_.world.routes) {
      const IpAddress& address = plan_->external_ips[2];
      if (route.type == RouteType::kLocal && route.destination.contains(address)) {
        own_.push_back(address);
      }
    }
  }

  bool described() const { return scenario_.node.interfaces.has_value(); }

  Target pick_target() {
    const std::vector<Target> services = frontends_of_a_kind();
    const std::vector<Target> direct = endpoints(scenario_.clusters, plan_->family);
    const size_t kind = random_.below(100);
    Target target;
    if (kind < 75 && !services.empty()) {
      target = random_.pick(services);
      if (random_.percent(12)) near_miss(target);
    } else if (kind < 86 && !direct.empty()) {
      target = random_.pick(direct);
    } else {
      target.address.address =
          random_.pick({plan_->node, plan_->neighbour, plan_->outside[0], plan_->pods_here[0],
                        plan_->pods_elsewhere[0], plan_->loopback, plan_->cluster_ips[3]});
      target.address.port = 80;
      target.protocol =
          random_.pick({kTcp, kUdp, plan_->family == Family::kIpv4 ? kIcmp : kIcmpv6});
      if (described() && extra_.percent(40)) target.address.address = extra_.pick(own_);
      if (kinds_.oddities && extra_.percent(15)) target.address.address = group();
    }
    if (target.protocol == kSctp && !kinds_.sctp) target.protocol = kTcp;
    const bool query = target.protocol == kIcmp || target.protocol == kIcmpv6;
    if (query && !kinds_.queries) target.protocol = kUdp;
    return target;
  }

  IpAddress group() {
    if (plan_->family == Family::kIpv6) {
      return *IpAddress::parse(
          extra_.pick({"ff02::1", "ff05::2", "ff0e::1:3", "::", "fe80::2", "fe80::9"}));
    }
    return *IpAddress::parse(
        extra_.pick({"255.255.255.255", "192.168.0.255", "192.168.0.0", "224.0.0.1", "239.1.2.3",
                     "127.0.0.2", "127.255.255.255", "0.0.0.0"}));
  }

  // Each kind that there is as often as any other, however many addresses it has.
  std::vector<Target> frontends_of_a_kind() {
    std::vector<Target> targets;
    std::vector<IpAddress> hosts = {plan_->node, plan_->node, plan_->second_node, plan_->loopback,
                                    plan_->other_node};
    if (described()) hosts.insert(hosts.end(), own_.begin(), own_.end());
    const size_t first = random_.below(kFrontendKinds);
    for (size_t i = 0; targets.empty() && i < kFrontendKinds; ++i) {
      const auto kind = static_cast<FrontendKind>((first + i) % kFrontendKinds);
      targets = frontends(scenario_.clusters, plan_->family, kind, hosts);
    }
    return targets;
  }

  void near_miss(Target& target) {
    if (random_.percent(50)) {
      ++target.address.port;
    } else if (random_.percent(50)) {
      target.protocol = target.protocol == kTcp ? kUdp : kTcp;
    } else {
      target.protocol = plan_->family == Family::kIpv4 ? kIcmp : kIcmpv6;
    }
  }

  void set_origin(FlowPlan& flow) {
    const World& world = scenario_.world;
    const size_t kind = random_.below(100);
    if (kind < 30) {
      flow.from.address = random_.pick(plan_->pods_here);
    } else if (kind < 50) {
      flow.from.address = random_.pick(plan_->outside);
    } else if (kind < 75) {
      set_host(flow);
    } else {
      flow.from.address =
          random_.pick({plan_->other_node, plan_->neighbour, plan_->pods_elsewhere[0]});
    }
    flow.ingress = world.ingress_for_source(flow.from.address);
    // Nobody may say that he is somebody else, but some do.
    if (kinds_.strangers && random_.percent(4)) {
      flow.from.address =
          random_.pick({plan_->node, plan_->loopback, plan_->pods_here[1], plan_->external_ips[0],
                        plan_->external_ips[1], plan_->external_ips[2]});
      flow.ingress = Ingress{random_.pick({world.uplink().index, world.interfaces.back().index})};
      if (kinds_.oddities && extra_.percent(20)) flow.from.address = nobody();
    }
    if (kinds_.strangers && is_external(flow.to.address) && extra_.percent(4)) {
      flow.from.address = extra_.pick(plan_->external_ips);
      flow.ingress = Ingress{world.uplink().index};
    }
  }

  bool is_external(const IpAddress& address) const {
    const auto& ips = plan_->external_ips;
    return std::find(ips.begin(), ips.end(), address) != ips.end();
  }

  // What no machine has as its own address, unless it is the node's by a route.
  IpAddress nobody() {
    if (extra_.percent(25)) return plan_->external_ips[2];
    if (plan_->family == Family::kIpv6) {
      return *IpAddress::parse(extra_.pick({"::", "::1", "ff0e::1", "fe80::9"}));
    }
    return *IpAddress::parse(
        extra_.pick({"0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "127.0.0.2"}));
  }

  void set_host(FlowPlan& flow) {
    if (flow.to.address.is_loopback() || random_.percent(10)) {
      flow.from.address = plan_->loopback;
    } else if (scenario_.world.is_local(plan_->second_node) && random_.percent(20)) {
      flow.from.address = plan_->second_node;
    } else if (scenario_.world.is_local(plan_->node_among_pods) && random_.percent(30)) {
      flow.from.address = plan_->node_among_pods;
    } else {
      flow.from.address = plan_->node;
    }
    if (described() && !flow.from.address.is_loopback() && extra_.percent(40)) {
      flow.from.address = extra_.pick(own_);
    }
  }

  Random& random_;
  const Scenario& scenario_;
  const TrafficKinds& kinds_;
  Random extra_;  // for choices that no other choice is to depend on
  const bool marks_;
  const AddressPlan* plan_ = nullptr;
  std::vector<IpAddress> own_;  // the node's addresses of the plan's family
};

}  // namespace

std::vector<FlowPlan> generate_flows(Random& random, const Scenario& scenario, size_t count,
                                     const TrafficKinds& kinds) {
  FlowGenerator generator(random, scenario, kinds);
  std::vector<FlowPlan> flows;
  flows.reserve(count);
  while (flows.size() < count) flows.push_back(generator.generate(flows));
  return flows;
}

}  // namespace kubeproof::explore
