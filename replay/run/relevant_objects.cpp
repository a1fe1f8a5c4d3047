#include "replay/run/relevant_objects.h"

#include <algorithm>
#include <set>

#include "model/cluster/address_text.h"
#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

constexpr const char* kServiceName = "kubernetes.io/service-name";

// What the packets speak of.
class Mentioned {
 public:
  explicit Mentioned(const std::vector<CapturedPacket>& packets) {
    for (const CapturedPacket& packet : packets) {
      add(packet.packet);
      for (const auto& departure : packet.departures) add(departure.packet);
    }
  }

  bool address(const std::string& text) const {
    const auto parsed = parse_sloppy_address(text);
    return parsed && addresses_.contains(*parsed);
  }
  bool any_address(const std::vector<std::string>& texts) const {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& text) { return address(text); });
  }
  bool port(uint16_t port) const { return port != 0 && ports_.contains(port); }

 private:
  void add(ByteView packet) {
    const auto view = parse_packet(packet);
    if (!view) return;
    add(*view);
    if (!is_icmp_error(*view)) return;
    const auto quoted =
        parse_quoted_packet(packet.subspan(view->transport_offset + kIcmpHeaderSize));
    if (quoted) add(*quoted);
  }
  void add(const PacketView& view) {
    addresses_.insert({view.source, view.destination});
    if (view.has_ports && !view.has_icmp) ports_.insert({view.source_port, view.destination_port});
  }

  std::set<IpAddress> addresses_;
  std::set<uint16_t> ports_;
};

bool concerns(const Service& service, const Mentioned& mentioned) {
  return mentioned.address(service.cluster_ip) || mentioned.any_address(service.cluster_ips) ||
         mentioned.any_address(service.external_ips) ||
         std::any_of(service.load_balancer_ingress.begin(), service.load_balancer_ingress.end(),
                     [&](const LoadBalancerIngress& one) { return mentioned.address(one.ip); }) ||
         std::any_of(service.ports.begin(), service.ports.end(),
                     [&](const ServicePort& port) { return mentioned.port(port.node_port); });
}

bool concerns(const EndpointSlice& slice, const Mentioned& mentioned) {
  return std::any_of(
      slice.endpoints.begin(), slice.endpoints.end(),
      [&](const SliceEndpoint& endpoint) { return mentioned.any_address(endpoint.addresses); });
}

ObjectKey service_of(const EndpointSlice& slice) {
  const auto label = slice.labels.find(kServiceName);
  return {slice.key.name_space, label == slice.labels.end() ? "" : label->second};
}

}  // namespace

Objects relevant_objects(const Objects& all, const std::vector<CapturedPacket>& packets,
                         const std::string& node, Relevance relevance) {
  const Mentioned mentioned(packets);
  std::set<ObjectKey> services;
  for (const auto& [key, service] : all.cluster.services) {
    if (concerns(service, mentioned)) services.insert(key);
  }
  for (const auto& [key, slice] : all.cluster.endpoint_slices) {
    if (relevance == Relevance::kFrontends) break;
    if (concerns(slice, mentioned)) services.insert(service_of(slice));
  }
  Objects kept = all;
  for (const auto& [key, service] : all.cluster.services) {
    if (!services.contains(key)) kept.erase({ObjectKind::kService, key});
  }
  for (const auto& [key, slice] : all.cluster.endpoint_slices) {
    if (!services.contains(service_of(slice))) kept.erase({ObjectKind::kEndpointSlice, key});
  }
  for (const auto& [key, pod] : all.cluster.pods) {
    if (!mentioned.any_address(pod.pod_ips)) kept.erase({ObjectKind::kPod, key});
  }
  for (const auto& [key, one] : all.cluster.nodes) {
    if (key.name != node) kept.erase({ObjectKind::kNode, key});
  }
  return kept;
}

}  // namespace kubeproof
