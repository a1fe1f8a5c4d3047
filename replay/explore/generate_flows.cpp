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

// Of every service, in every state of the cluster.
std::vector<Target> frontends(const std::vector<Cluster>& clusters, Family family,
                              FrontendKind kind) {
  const AddressPlan& plan = address_plan(family);
  std::vector<Target> targets;
  const auto at_the_node = [&](uint16_t number, uint8_t protocol) {
    for (const IpAddress& host :
         {plan.node, plan.node, plan.second_node, plan.loopback, plan.other_node}) {
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
        marks_(kinds.marks && random.percent(kMarkedScenarios)) {}

  FlowPlan generate(const std::vector<FlowPlan>& earlier) {
    const Family family = random_.percent(60) ? Family::kIpv4 : Family::kIpv6;
    plan_ = &address_plan(family);
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
    if (flow.protocol == kIcmp || flow.protocol == kIcmpv6) flow.to.port = flow.from.port;
    return flow;
  }

 private:
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
    }
    if (target.protocol == kSctp && !kinds_.sctp) target.protocol = kTcp;
    const bool query = target.protocol == kIcmp || target.protocol == kIcmpv6;
    if (query && !kinds_.queries) target.protocol = kUdp;
    return target;
  }

  // Each kind that there is as often as any other, however many addresses it has.
  std::vector<Target> frontends_of_a_kind() {
    std::vector<Target> targets;
    const size_t first = random_.below(kFrontendKinds);
    for (size_t i = 0; targets.empty() && i < kFrontendKinds; ++i) {
      const auto kind = static_cast<FrontendKind>((first + i) % kFrontendKinds);
      targets = frontends(scenario_.clusters, plan_->family, kind);
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
      flow.from.address = random_.pick({plan_->node, plan_->loopback, plan_->pods_here[1],
                                        plan_->external_ips[0], plan_->external_ips[1]});
      flow.ingress = Ingress{random_.pick({world.uplink().index, world.interfaces.back().index})};
    }
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
  }

  Random& random_;
  const Scenario& scenario_;
  const TrafficKinds& kinds_;
  const bool marks_;
  const AddressPlan* plan_ = nullptr;
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
