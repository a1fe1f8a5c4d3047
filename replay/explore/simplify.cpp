#include "replay/explore/simplify.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

#include "replay/explore/generate_world.h"

namespace kubeproof::explore {
namespace {

using Maybe = std::optional<Scenario>;

// Only the first half, three quarters, seven eighths, … of the steps.
bool first_steps(const Scenario& from, size_t attempt, Maybe& to) {
  const size_t cut = from.steps.size() >> (attempt + 1);
  if (cut == 0) return false;
  to = from;
  to->steps.resize(from.steps.size() - cut);
  return true;
}

// Chunks of a half, a quarter, … down to single steps.
bool without_steps(const Scenario& from, size_t attempt, Maybe& to) {
  const size_t count = from.steps.size();
  for (size_t chunk = std::max<size_t>(count / 2, 1); count != 0; chunk /= 2) {
    const size_t pieces = (count + chunk - 1) / chunk;
    if (attempt < pieces) {
      to = from;
      const auto first = to->steps.begin() + static_cast<ptrdiff_t>(attempt * chunk);
      const auto left = std::distance(first, to->steps.end());
      to->steps.erase(first, first + std::min(left, static_cast<ptrdiff_t>(chunk)));
      return true;
    }
    attempt -= pieces;
    if (chunk == 1) break;
  }
  return false;
}

size_t* flow_of(Step& step) {
  if (auto* packet = std::get_if<PacketStep>(&step)) return &packet->flow;
  if (auto* error = std::get_if<ErrorStep>(&step)) return &error->flow;
  return nullptr;
}

// Flows that `stays` does not choose are gone with all their steps.
Scenario with_flows(const Scenario& from, const std::function<bool(size_t)>& stays) {
  Scenario to = from;
  to.flows.clear();
  std::vector<size_t> number(from.flows.size());
  for (size_t i = 0; i < from.flows.size(); ++i) {
    number[i] = to.flows.size();
    if (stays(i)) to.flows.push_back(from.flows[i]);
  }
  std::erase_if(to.steps, [&](Step& step) {
    const size_t* flow = flow_of(step);
    return flow != nullptr && !stays(*flow);
  });
  for (Step& step : to.steps) {
    if (size_t* flow = flow_of(step)) *flow = number[*flow];
  }
  return to;
}

// A scenario that was cut off where it failed ends with the flow that failed.
bool only_last_flow(const Scenario& from, size_t attempt, Maybe& to) {
  if (attempt > 0 || from.steps.empty() || from.flows.size() == 1) return false;
  Step last = from.steps.back();
  const size_t* flow = flow_of(last);
  if (flow != nullptr) to = with_flows(from, [&](size_t other) { return other == *flow; });
  return flow != nullptr;
}

bool only_one_flow(const Scenario& from, size_t attempt, Maybe& to) {
  if (attempt >= from.flows.size() || from.flows.size() == 1) return false;
  to = with_flows(from, [&](size_t flow) { return flow == attempt; });
  return true;
}

bool without_flow(const Scenario& from, size_t attempt, Maybe& to) {
  if (attempt >= from.flows.size() || from.flows.size() == 1) return false;
  to = with_flows(from, [&](size_t flow) { return flow != attempt; });
  return true;
}

// The first state alone, the last alone, or all but the last.
bool fewer_cluster_states(const Scenario& from, size_t attempt, Maybe& to) {
  if (from.clusters.size() < 2 || attempt > 2) return false;
  to = from;
  if (attempt == 2) {
    to->clusters.pop_back();
    std::erase_if(to->steps, [&](Step& step) {
      const auto* change = std::get_if<ChangeStep>(&step);
      return change != nullptr && change->cluster == to->clusters.size();
    });
    return true;
  }
  to->clusters = {attempt == 0 ? from.clusters.front() : from.clusters.back()};
  std::erase_if(to->steps, [](Step& step) { return std::holds_alternative<ChangeStep>(step); });
  return true;
}

// An object that is gone is gone from every state.
template <class Map>
bool without_object(const Scenario& from, size_t attempt, Maybe& to, Map Cluster::*objects) {
  std::vector<ObjectKey> keys;
  for (const Cluster& cluster : from.clusters) {
    for (const auto& [key, object] : cluster.*objects) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  if (attempt >= keys.size()) return false;
  to = from;
  for (Cluster& cluster : to->clusters) (cluster.*objects).erase(keys[attempt]);
  return true;
}

bool without_service(const Scenario& from, size_t attempt, Maybe& to) {
  return without_object(from, attempt, to, &Cluster::services);
}

bool without_slice(const Scenario& from, size_t attempt, Maybe& to) {
  return without_object(from, attempt, to, &Cluster::endpoint_slices);
}

bool without_endpoint(const Scenario& from, size_t attempt, Maybe& to) {
  for (size_t state = 0; state < from.clusters.size(); ++state) {
    for (const auto& [key, slice] : from.clusters[state].endpoint_slices) {
      if (attempt < slice.endpoints.size()) {
        to = from;
        auto& endpoints = to->clusters[state].endpoint_slices[key].endpoints;
        endpoints.erase(endpoints.begin() + static_cast<ptrdiff_t>(attempt));
        return true;
      }
      attempt -= slice.endpoints.size();
    }
  }
  return false;
}

// Changes number `attempt` of those that a list of edits makes to one of several things; an edit
// says whether it changed anything.
template <class T>
struct Edit {
  bool (*apply)(T&);
};

template <class T>
bool set(T& field, T value) {
  if (field == value) return false;
  field = std::move(value);
  return true;
}

bool plain_service(const Scenario& from, size_t attempt, Maybe& to) {
  static constexpr Edit<Service> kEdits[] = {
      {[](Service& s) { return std::exchange(s.client_ip_affinity, false); }},
      {[](Service& s) { return set(s.labels, {}); }},
      {[](Service& s) { return set(s.external_ips, {}); }},
      {[](Service& s) { return set(s.load_balancer_source_ranges, {}); }},
      {[](Service& s) {
        const bool any = !s.load_balancer_ingress.empty();
        s.load_balancer_ingress.clear();
        return any;
      }},
      {[](Service& s) { return set(s.external_traffic_policy, TrafficPolicy::kCluster); }},
      {[](Service& s) { return set(s.internal_traffic_policy, TrafficPolicy::kCluster); }},
      {[](Service& s) { return set(s.health_check_node_port, uint16_t{0}); }},
      {[](Service& s) { return set(s.type, ServiceType::kClusterIp); }},
      {[](Service& s) {
        if (s.ports.size() < 2) return false;
        s.ports.pop_back();
        return true;
      }},
      {[](Service& s) {
        bool any = false;
        for (ServicePort& port : s.ports) any |= set(port.node_port, uint16_t{0});
        return any;
      }},
  };
  for (size_t state = 0; state < from.clusters.size(); ++state) {
    const size_t edits = from.clusters[state].services.size() * std::size(kEdits);
    if (attempt >= edits) {
      attempt -= edits;
      continue;
    }
    Scenario changed = from;
    const auto service = std::next(changed.clusters[state].services.begin(),
                                   static_cast<ptrdiff_t>(attempt / std::size(kEdits)));
    if (kEdits[attempt % std::size(kEdits)].apply(service->second)) to = std::move(changed);
    return true;
  }
  return false;
}

bool without_damage(Damage& damage) {
  return set(damage.changes, {});
}

bool without_first_change(Damage& damage) {
  if (damage.changes.size() < 2) return false;
  damage.changes.erase(damage.changes.begin());
  return true;
}

bool without_last_change(Damage& damage) {
  if (damage.changes.size() < 2) return false;
  damage.changes.pop_back();
  return true;
}

bool repaired(Damage& damage) {
  return !damage.changes.empty() && set(damage.repair, Repair::kAll);
}

bool without_first_option(PacketShape& shape) {
  if (shape.drawn_options.size() < 2) return false;
  shape.drawn_options.erase(shape.drawn_options.begin());
  return true;
}

bool without_last_option(PacketShape& shape) {
  if (shape.drawn_options.size() < 2) return false;
  shape.drawn_options.pop_back();
  return true;
}

bool plain_packet(const Scenario& from, size_t attempt, Maybe& to) {
  static constexpr Edit<PacketStep> kEdits[] = {
      {[](PacketStep& p) { return set(p.shape.ttl, uint8_t{64}); }},
      {[](PacketStep& p) { return set(p.shape.tos, uint8_t{0}); }},
      {[](PacketStep& p) { return set(p.shape.dont_fragment, true); }},
      {[](PacketStep& p) { return set(p.shape.identification, uint16_t{1}); }},
      {[](PacketStep& p) { return set(p.shape.payload, uint16_t{8}); }},
      {[](PacketStep& p) { return set(p.shape.fragment_size, uint16_t{0}); }},
      {[](PacketStep& p) { return set(p.shape.first_share, uint16_t{0}); }},
      {[](PacketStep& p) { return set(p.shape.fragments_reversed, false); }},
      {[](PacketStep& p) { return set(p.shape.fragment_fault, FragmentFault::kNone); }},
      {[](PacketStep& p) { return set(p.shape.defect, Defect::kNone); }},
      {[](PacketStep& p) { return set(p.shape.options, Options::kNone); }},
      {[](PacketStep& p) { return set(p.shape.drawn_options, {}); }},
      {[](PacketStep& p) { return without_first_option(p.shape); }},
      {[](PacketStep& p) { return without_last_option(p.shape); }},
      {[](PacketStep& p) { return set(p.shape.cut_to, uint8_t{0}); }},
      {[](PacketStep& p) { return std::exchange(p.shape.cut_silently, false); }},
      {[](PacketStep& p) { return without_damage(p.shape.damage); }},
      {[](PacketStep& p) { return without_first_change(p.shape.damage); }},
      {[](PacketStep& p) { return without_last_change(p.shape.damage); }},
      {[](PacketStep& p) { return repaired(p.shape.damage); }},
      {[](PacketStep& p) { return set(p.sequence_offset, 0); }},
      {[](PacketStep& p) { return std::exchange(p.repeated, false); }},
      {[](PacketStep& p) { return set(p.sctp_chunk, uint8_t{1}); }},
  };
  const size_t step = attempt / std::size(kEdits);
  if (step >= from.steps.size()) return false;
  if (!std::holds_alternative<PacketStep>(from.steps[step])) return true;
  Scenario changed = from;
  auto& packet = std::get<PacketStep>(changed.steps[step]);
  if (kEdits[attempt % std::size(kEdits)].apply(packet)) to = std::move(changed);
  return true;
}

bool plain_error(const Scenario& from, size_t attempt, Maybe& to) {
  static constexpr Edit<ErrorStep> kEdits[] = {
      {[](ErrorStep& e) { return set(e.first_share, uint16_t{0}); }},
      {[](ErrorStep& e) { return without_damage(e.damage); }},
      {[](ErrorStep& e) { return without_first_change(e.damage); }},
      {[](ErrorStep& e) { return without_last_change(e.damage); }},
      {[](ErrorStep& e) { return repaired(e.damage); }},
  };
  const size_t step = attempt / std::size(kEdits);
  if (step >= from.steps.size()) return false;
  if (!std::holds_alternative<ErrorStep>(from.steps[step])) return true;
  Scenario changed = from;
  auto& error = std::get<ErrorStep>(changed.steps[step]);
  if (kEdits[attempt % std::size(kEdits)].apply(error)) to = std::move(changed);
  return true;
}

bool plain_flow(const Scenario& from, size_t attempt, Maybe& to) {
  if (attempt >= from.flows.size()) return false;
  Scenario changed = from;
  FlowPlan& flow = changed.flows[attempt];
  const bool unmarked = set(flow.mark, 0U);
  if (set(flow.query, uint8_t{0}) || unmarked) to = std::move(changed);
  return true;
}

bool plain_proxy(const Scenario& from, size_t attempt, Maybe& to) {
  static constexpr Edit<ProxyConfig> kEdits[] = {
      {[](ProxyConfig& p) { return set(p.node_port_addresses, {}); }},
      {[](ProxyConfig& p) { return std::exchange(p.masquerade_all, false); }},
      {[](ProxyConfig& p) { return set(p.masquerade_bit, uint8_t{14}); }},
      {[](ProxyConfig& p) { return set(p.release_minor, ProxyConfig{}.release_minor); }},
      {[](ProxyConfig& p) { return set(p.timeouts, ConntrackTimeouts{}); }},
  };
  if (attempt >= std::size(kEdits)) return false;
  Scenario changed = from;
  if (kEdits[attempt].apply(changed.proxy)) {
    changed.world = world_of(changed.node, changed.proxy);
    to = std::move(changed);
  }
  return true;
}

// The node as it is by default, unless somebody enters by an interface that it then lacks.
bool default_node(const Scenario& from, size_t attempt, Maybe& to) {
  if (attempt > 0 || !from.node.interfaces) return false;
  Scenario changed = from;
  changed.node.interfaces.reset();
  changed.node.routes.reset();
  changed.node.sysctls = {};
  changed.world = world_of(changed.node, changed.proxy);
  const bool fits =
      std::all_of(changed.flows.begin(), changed.flows.end(), [&](const FlowPlan& flow) {
        return flow.ingress.is_host() ||
               changed.world.find_interface(flow.ingress.interface) != nullptr;
      });
  if (fits) to = std::move(changed);
  return true;
}

bool without_route(const Scenario& from, size_t attempt, Maybe& to) {
  if (!from.node.routes || attempt >= from.node.routes->size()) return false;
  to = from;
  to->node.routes->erase(to->node.routes->begin() + static_cast<ptrdiff_t>(attempt));
  to->world = world_of(to->node, to->proxy);
  return true;
}

bool plain_node(const Scenario& from, size_t attempt, Maybe& to) {
  static constexpr Edit<NodeSpec> kEdits[] = {
      {[](NodeSpec& n) { return std::exchange(n.sysctls.ip_forward, {}).has_value(); }},
      {[](NodeSpec& n) { return std::exchange(n.sysctls.route_localnet, {}).has_value(); }},
      {[](NodeSpec& n) { return std::exchange(n.sysctls.accept_local, {}).has_value(); }},
      {[](NodeSpec& n) { return std::exchange(n.sysctls.tcp_loose, {}).has_value(); }},
      {[](NodeSpec& n) {
        bool any = false;
        for (Interface& interface : *n.interfaces) {
          if (interface.name != "lo") any |= set(interface.mtu, 1500U);
        }
        return any;
      }},
  };
  if (!from.node.interfaces || attempt >= std::size(kEdits)) return false;
  Scenario changed = from;
  if (kEdits[attempt].apply(changed.node)) {
    changed.world = world_of(changed.node, changed.proxy);
    to = std::move(changed);
  }
  return true;
}

}  // namespace

Simplifications::Simplifications(Scenario scenario) : scenario_(std::move(scenario)) {}

const std::vector<Simplifications::Pass>& Simplifications::passes() {
  static const std::vector<Pass> kPasses = {
      only_last_flow,       first_steps,     without_steps, only_one_flow,    without_flow,
      fewer_cluster_states, without_service, without_slice, without_endpoint, plain_service,
      plain_packet,         plain_error,     plain_flow,    plain_proxy,      default_node,
      without_route,        plain_node,
  };
  return kPasses;
}

std::optional<Scenario> Simplifications::next() {
  while (pass_ < passes().size()) {
    std::optional<Scenario> simpler;
    if (passes()[pass_](scenario_, attempt_, simpler)) {
      ++attempt_;
      if (simpler) return simpler;
    } else {
      ++pass_;
      attempt_ = 0;
    }
  }
  return std::nullopt;
}

}  // namespace kubeproof::explore
