#include "replay/fuzz/quirks.h"

#include <algorithm>
#include <array>

namespace kubeproof::explore {
namespace {

constexpr uint8_t kTcpSyn = 0x02;

// The first rule of that step that the packet met; empty if there is none.
std::string_view rule_of(const QuirkScene& scene, std::string_view step) {
  for (const TraceLine& line : scene.trace) {
    if (line.step == step) return line.text;
  }
  return {};
}

bool met(const QuirkScene& scene, std::initializer_list<std::string_view> any_of_steps) {
  return std::any_of(any_of_steps.begin(), any_of_steps.end(),
                     [&](std::string_view step) { return !rule_of(scene, step).empty(); });
}

bool translated(const QuirkScene& scene) {
  return met(scene, {"P2", "P2 affinity"});
}

bool from_host(const QuirkScene& scene) {
  return scene.injection.ingress.is_host();
}

bool from_uplink(const QuirkScene& scene) {
  return !from_host(scene) && scene.injection.ingress.interface == scene.world.uplink().index;
}

bool forwarded_untouched(const QuirkScene& scene) {
  return scene.out && !scene.fate[0].place.is_sockets() &&
         scene.out->source_endpoint() == scene.in.source_endpoint() &&
         scene.out->destination_endpoint() == scene.in.destination_endpoint();
}

bool says(const QuirkScene& scene, std::string_view start) {
  return std::any_of(scene.trace.begin(), scene.trace.end(),
                     [&](const TraceLine& line) { return line.text.starts_with(start); });
}

// Whose endpoint's chain translated the packet: its comment is the name and nothing else.
const proxier::ServicePortInfo* service_of(const QuirkScene& scene) {
  constexpr std::string_view kComment = "--comment \"";
  std::string_view rule = rule_of(scene, "P2");
  if (rule.empty()) rule = rule_of(scene, "P2 affinity");
  const size_t at = rule.find(kComment);
  if (at == std::string_view::npos) return nullptr;
  const std::string_view name = rule.substr(at + kComment.size());
  return scene.services.find(scene.in.family, name.substr(0, name.find('"')), scene.in.protocol);
}

const proxier::Endpoint* endpoint_of(const QuirkScene& scene) {
  const auto* service = service_of(scene);
  if (service == nullptr || !scene.out) return nullptr;
  return scene.services.endpoint(*service, scene.out->destination_endpoint());
}

bool refuses(const proxier::ServicePortInfo& port, const IpAddress& client) {
  return !port.source_ranges.empty() &&
         std::none_of(port.source_ranges.begin(), port.source_ranges.end(),
                      [&](const Cidr& range) { return range.contains(client); });
}

std::vector<Frontend> frontends(const QuirkScene& scene) {
  return scene.services.frontends(scene.in.destination_endpoint(), scene.in.protocol);
}

bool is_external(const Frontend& frontend) {
  return frontend.role != FrontendRole::kClusterIp;
}

bool pods_meet_source_ranges(const QuirkScene& scene) {
  return met(scene, {"L2"}) && !from_host(scene) && !from_uplink(scene);
}

bool ranges_do_not_guard_node_ports(const QuirkScene& scene) {
  const auto* service = met(scene, {"N2", "X1"}) ? service_of(scene) : nullptr;
  return service != nullptr && refuses(*service, scene.in.source);
}

bool node_port_refused_untranslated(const QuirkScene& scene) {
  return met(scene, {"N3"}) && !translated(scene);
}

bool node_port_refused_translated(const QuirkScene& scene) {
  return met(scene, {"N3"}) && translated(scene);
}

bool endpoint_is_refused_frontend(const QuirkScene& scene) {
  return met(scene, {"A2", "X2 reject", "X2 drop", "L3 reject", "L3 drop"}) && translated(scene);
}

bool no_range_of_this_family(const QuirkScene& scene) {
  const auto* service = met(scene, {"L1"}) ? service_of(scene) : nullptr;
  return service != nullptr && service->source_ranges.empty() &&
         scene.services.lists_source_ranges(*service);
}

bool pod_of_another_node_is_local(const QuirkScene& scene) {
  return met(scene, {"E2"}) && from_uplink(scene);
}

bool host_among_pods_is_local(const QuirkScene& scene) {
  return met(scene, {"E2"}) && from_host(scene);
}

bool node_port_at_own_load_balancer(const QuirkScene& scene) {
  return met(scene, {"N2"}) && translated(scene) &&
         scene.services.is_frontend_address(scene.in.destination, FrontendRole::kLoadBalancer);
}

bool host_leaks_toward_frontend(const QuirkScene& scene) {
  const auto found = frontends(scene);
  return from_host(scene) && !met(scene, {"A1", "X1", "L1"}) && forwarded_untouched(scene) &&
         std::any_of(found.begin(), found.end(), is_external);
}

bool refused_client_is_rejected(const QuirkScene& scene) {
  const auto found =
      met(scene, {"X2 reject", "L3 reject"}) ? frontends(scene) : std::vector<Frontend>();
  return std::any_of(found.begin(), found.end(), [&](const Frontend& frontend) {
    return frontend.role == FrontendRole::kLoadBalancer && refuses(*frontend.port, scene.in.source);
  });
}

bool unused_port_of_cluster_ip(const QuirkScene& scene) {
  return forwarded_untouched(scene) && frontends(scene).empty() &&
         scene.services.is_frontend_address(scene.in.destination, FrontendRole::kClusterIp);
}

bool falls_through_to_node_port(const QuirkScene& scene) {
  return met(scene, {"X1", "L1"}) && met(scene, {"N2"}) && translated(scene);
}

bool refused_on_the_way_out(const QuirkScene& scene) {
  return std::any_of(scene.trace.begin(), scene.trace.end(), [](const TraceLine& line) {
    return line.text.starts_with("filter OUTPUT ") && (line.step == "A2" || line.step == "L2");
  });
}

bool ports_of_a_service_differ(const QuirkScene& scene) {
  const auto* service = met(scene, {"P2 affinity"}) ? service_of(scene) : nullptr;
  if (service == nullptr || !scene.out) return false;
  auto& ports =
      scene.affinities[service->name.service.to_string() + " " + scene.in.source.to_string()];
  ports[service->name.port + " " + std::to_string(scene.in.protocol)] = scene.out->destination;
  return std::any_of(ports.begin(), ports.end(),
                     [&](const auto& port) { return port.second != scene.out->destination; });
}

bool affinity_of_a_node(const QuirkScene& scene) {
  return met(scene, {"P2 affinity"}) && from_uplink(scene) &&
         scene.services.is_other_node(scene.in.source);
}

bool marked_but_delivered(const QuirkScene& scene) {
  return met(scene, {"K mark"}) && translated(scene) && scene.out &&
         scene.fate[0].place.is_sockets() && scene.out->source == scene.in.source;
}

bool picked_up_midway(const QuirkScene& scene) {
  return scene.in.protocol == kTcp && (scene.in.tcp_flags & kTcpSyn) == 0 && translated(scene);
}

bool null_binding_changes_port(const QuirkScene& scene) {
  return scene.out && says(scene, "conntrack NEW") && scene.out->protocol == scene.in.protocol &&
         scene.out->source == scene.in.source && scene.out->source_port != scene.in.source_port &&
         !met(scene, {"K masquerade"});
}

bool services_share_a_frontend(const QuirkScene& scene) {
  const auto found = met(scene, {"A1", "X1", "L1"}) ? frontends(scene) : std::vector<Frontend>();
  return std::any_of(found.begin(), found.end(),
                     [&](const Frontend& frontend) { return frontend.port != found.front().port; });
}

bool loopback_from_the_wire(const QuirkScene& scene) {
  return !from_host(scene) && scene.in.destination.is_loopback() && met(scene, {"N2"}) &&
         translated(scene);
}

bool only_local_endpoint_terminates(const QuirkScene& scene) {
  const auto* endpoint =
      met(scene, {"E5"}) && met(scene, {"S4 last", "S4 random"}) ? endpoint_of(scene) : nullptr;
  return endpoint != nullptr && endpoint->terminating && !endpoint->ready;
}

bool ready_while_terminating(const QuirkScene& scene) {
  const auto* endpoint = translated(scene) ? endpoint_of(scene) : nullptr;
  return endpoint != nullptr && endpoint->terminating && endpoint->ready;
}

bool load_balancer_is_the_client(const QuirkScene& scene) {
  return met(scene, {"F2"}) && translated(scene) && scene.in.source != scene.in.destination;
}

constexpr std::array kQuirks = {
    Quirk{"Q1", "source ranges hold for the node's pods", &pods_meet_source_ranges},
    Quirk{"Q2", "source ranges guard no node port, no external IP",
          &ranges_do_not_guard_node_ports},
    Quirk{"Q3", "a node port without endpoints is refused at every local address",
          &node_port_refused_untranslated},
    Quirk{"Q4", "a translated packet is refused as if for a node port",
          &node_port_refused_translated},
    Quirk{"Q5", "a translated packet is refused as if for another service",
          &endpoint_is_refused_frontend},
    Quirk{"Q6", "source ranges of the other family only: unrestricted", &no_range_of_this_family},
    Quirk{"Q7", "ClusterCIDR: pods of other nodes count as local", &pod_of_another_node_is_local},
    Quirk{"Q8", "a process with an address among the pods is not masqueraded",
          &host_among_pods_is_local},
    Quirk{"Q9", "node ports answer at a load balancer's address that is the node's",
          &node_port_at_own_load_balancer},
    Quirk{"Q10", "processes leak packets toward services without endpoints",
          &host_leaks_toward_frontend},
    Quirk{"Q11", "a refused client of a service without endpoints is rejected",
          &refused_client_is_rejected},
    Quirk{"Q12", "no rule knows an unused port of a cluster IP", &unused_port_of_cluster_ip},
    Quirk{"Q13", "what an external chain does not take goes on to the node ports",
          &falls_through_to_node_port},
    Quirk{"Q14", "refused in OUTPUT, where the sender sees it", &refused_on_the_way_out},
    Quirk{"Q15", "the 101st client of an endpoint evicts the oldest", nullptr,
          "corpus/cases/affinity/hundred-and-first-client.yaml"},
    Quirk{"Q16", "affinity is by port: one client, two endpoints", &ports_of_a_service_differ},
    Quirk{"Q17", "affinity of what another node masqueraded is that node's", &affinity_of_a_node},
    Quirk{"Q18", "marked, yet delivered with its own source", &marked_but_delivered},
    Quirk{"Q19", "a TCP segment without a flow is balanced afresh", &picked_up_midway},
    Quirk{"Q20", "a source port changes without masquerade", &null_binding_changes_port},
    Quirk{"Q21", "two services have the same address and port", &services_share_a_frontend},
    Quirk{"Q22", "127.0.0.1:nodePort from the wire is forwarded", &loopback_from_the_wire},
    Quirk{"Q23", "a terminating endpoint serves Local traffic", &only_local_endpoint_terminates},
    Quirk{"Q24", "ready counts even while terminating", &ready_while_terminating},
    Quirk{"Q25", "one load balancer address may reach another", &load_balancer_is_the_client},
};

}  // namespace

std::span<const Quirk> quirks() {
  return kQuirks;
}

}  // namespace kubeproof::explore
