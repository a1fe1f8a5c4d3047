#include "replay/session/traffic_classifier.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/cluster/address_text.h"
#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

uint32_t node_port_key(uint16_t port, uint8_t protocol) {
  return uint32_t{port} << 8 | protocol;
}

CellPolicy cell_policy(TrafficPolicy policy) {
  return policy == TrafficPolicy::kLocal ? CellPolicy::kLocal : CellPolicy::kCluster;
}

void insert_address(std::string_view text, std::unordered_set<IpAddress>& addresses) {
  if (const auto address = IpAddress::parse(text)) addresses.insert(*address);
}

}  // namespace

TrafficClassifier::TrafficClassifier(const World& world) : world_(world) {
  for (const Interface& interface : world.interfaces) {
    if (interface.kind == InterfaceKind::kPod) pod_interfaces_.insert(interface.index);
    for (const InterfaceAddress& address : interface.addresses) {
      own_addresses_.insert(address.address);
    }
  }
}

void TrafficClassifier::update(const Cluster& cluster) {
  services_.clear();
  node_ports_.clear();
  other_nodes_.clear();
  pods_.clear();
  std::vector<PrefixMap<PodCidr>::Item> pod_cidrs;
  for (const auto& [key, service] : cluster.services) add_service(service);
  for (const auto& [key, node] : cluster.nodes) {
    if (key.name == world_.node_name) continue;
    for (const NodeAddress& address : node.addresses) insert_address(address.address, other_nodes_);
    for (const std::string& text : node.pod_cidrs) {
      if (const auto cidr = parse_sloppy_cidr(text)) pod_cidrs.push_back({*cidr, {}});
    }
  }
  other_pod_cidrs_ = {std::move(pod_cidrs), [](const PodCidr&, const PodCidr&) { return false; }};
  for (const auto& [key, slice] : cluster.endpoint_slices) {
    for (const SliceEndpoint& endpoint : slice.endpoints) {
      for (const std::string& address : endpoint.addresses) insert_address(address, pods_);
    }
  }
  for (const auto& [key, pod] : cluster.pods) {
    for (const std::string& address : pod.pod_ips) insert_address(address, pods_);
  }
}

void TrafficClassifier::add_service(const Service& service) {
  const CellPolicy internal = cell_policy(service.internal_traffic_policy);
  const CellPolicy external = cell_policy(service.external_traffic_policy);
  for (const ServicePort& port : service.ports) {
    // Of an address that is two things, the first counts.
    add(service.cluster_ip, port, {ServiceKind::kClusterIp, internal});
    for (const std::string& address : service.cluster_ips) {
      add(address, port, {ServiceKind::kClusterIp, internal});
    }
    for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
      add(ingress.ip, port, {ServiceKind::kLoadBalancer, external});
    }
    for (const std::string& address : service.external_ips) {
      add(address, port, {ServiceKind::kExternalIp, external});
    }
    if (port.node_port != 0) {
      node_ports_.try_emplace(node_port_key(port.node_port, port.protocol), external);
    }
  }
}

void TrafficClassifier::add(std::string_view address, const ServicePort& port, Role role) {
  const auto parsed = IpAddress::parse(address);
  if (parsed) services_.try_emplace({{*parsed, port.port}, port.protocol}, role);
}

TrafficClassifier::Role TrafficClassifier::service_at(const SocketAddress& address,
                                                      uint8_t protocol) const {
  const auto found = services_.find({address, protocol});
  if (found != services_.end()) return found->second;
  if (!address.address.is_loopback() && !own_addresses_.contains(address.address)) return {};
  const auto node_port = node_ports_.find(node_port_key(address.port, protocol));
  if (node_port == node_ports_.end()) return {};
  return {ServiceKind::kNodePort, node_port->second};
}

Origin TrafficClassifier::origin_of(uint32_t interface, const IpAddress& client) const {
  if (interface == 0) return Origin::kHost;
  if (pod_interfaces_.contains(interface)) return Origin::kPod;
  const auto contains_client = [&](const Cidr& cidr) { return cidr.contains(client); };
  if (std::any_of(world_.pod_cidrs.begin(), world_.pod_cidrs.end(), contains_client)) {
    return Origin::kPod;
  }
  if (other_nodes_.contains(client)) return Origin::kOtherNode;
  const bool is_pod = pods_.contains(client) || other_pod_cidrs_.find(client) != nullptr;
  return is_pod ? Origin::kPodElsewhere : Origin::kOutside;
}

TrafficCell TrafficClassifier::classify(const Injection& injection, const Fate& fate) const {
  TrafficCell cell;
  const auto view = parse_packet(injection.packet);
  if (!view) return cell;
  cell.family = view->family;
  cell.protocol = cell_protocol(view->protocol);
  cell.origin = origin_of(injection.ingress.interface, view->source);
  const auto take = [&](Role role) {
    cell.service = role.kind;
    cell.policy = role.policy;
    return role.kind != ServiceKind::kNone;
  };
  if (take(service_at(view->destination_endpoint(), view->protocol))) return cell;
  for (const Emission& emission : fate) {
    const auto out = parse_packet(emission.packet);
    if (!out || out->source_endpoint() == view->source_endpoint()) continue;
    if (!take(service_at(out->source_endpoint(), out->protocol))) continue;
    cell.origin = origin_of(emission.place.interface, out->destination);
    return cell;
  }
  return cell;
}

FateClass classify_fate(const Injection& injection, const Fate& fate) {
  if (fate.dropped()) return FateClass::kDropped;
  const Emission& first = fate[0];
  if (const auto out = parse_packet(first.packet); out && is_icmp_error(*out)) {
    const auto in = parse_packet(injection.packet);
    if (in && !is_icmp_error(*in)) return FateClass::kAnswered;
  }
  return first.place.is_sockets() ? FateClass::kDelivered : FateClass::kForwarded;
}

}  // namespace kubeproof
