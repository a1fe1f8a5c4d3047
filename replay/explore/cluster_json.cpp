#include "replay/explore/cluster_json.h"

#include <array>
#include <nlohmann/json.hpp>

namespace kubeproof::explore {
namespace {

using Json = nlohmann::ordered_json;

Json object(const char* kind, const char* version, const ObjectKey& key) {
  Json json = {{"apiVersion", version}, {"kind", kind}, {"metadata", {{"name", key.name}}}};
  if (!key.name_space.empty()) json["metadata"]["namespace"] = key.name_space;
  return json;
}

void put_labels(Json& json, const std::map<std::string, std::string>& labels) {
  if (!labels.empty()) json["metadata"]["labels"] = labels;
}

const char* name(Protocol protocol) {
  return protocol == kUdp ? "UDP" : protocol == kSctp ? "SCTP" : "TCP";
}

const char* name(TrafficPolicy policy) {
  return policy == TrafficPolicy::kLocal ? "Local" : "Cluster";
}

const char* name(ServiceType type) {
  constexpr std::array kNames = {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"};
  return kNames[static_cast<size_t>(type)];
}

const char* name(SliceAddressType type) {
  constexpr std::array kNames = {"IPv4", "IPv6", "FQDN"};
  return kNames[static_cast<size_t>(type)];
}

Json port_json(const ServicePort& port) {
  Json json = {{"protocol", name(port.protocol)}, {"port", port.port}};
  if (!port.name.empty()) json["name"] = port.name;
  if (port.node_port != 0) json["nodePort"] = port.node_port;
  return json;
}

Json to_json(const Service& service) {
  Json json = object("Service", "v1", service.key);
  put_labels(json, service.labels);
  const auto annotate = [&](const char* name, const std::optional<std::string>& value) {
    if (value) json["metadata"]["annotations"][name] = *value;
  };
  annotate("service.kubernetes.io/topology-aware-hints", service.topology_aware_hints);
  annotate("service.kubernetes.io/topology-mode", service.topology_mode);
  Json& spec = json["spec"];
  spec = {{"type", name(service.type)},
          {"clusterIP", service.cluster_ip},
          {"clusterIPs", service.cluster_ips},
          {"internalTrafficPolicy", name(service.internal_traffic_policy)},
          {"externalTrafficPolicy", name(service.external_traffic_policy)}};
  for (const Family family : service.ip_families) {
    spec["ipFamilies"].push_back(family == Family::kIpv4 ? "IPv4" : "IPv6");
  }
  for (const ServicePort& port : service.ports) spec["ports"].push_back(port_json(port));
  if (!service.external_ips.empty()) spec["externalIPs"] = service.external_ips;
  if (!service.load_balancer_source_ranges.empty()) {
    spec["loadBalancerSourceRanges"] = service.load_balancer_source_ranges;
  }
  if (service.health_check_node_port != 0) {
    spec["healthCheckNodePort"] = service.health_check_node_port;
  }
  if (service.client_ip_affinity) {
    spec["sessionAffinity"] = "ClientIP";
    spec["sessionAffinityConfig"] = {
        {"clientIP", {{"timeoutSeconds", service.affinity_timeout_seconds}}}};
  }
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    Json entry = {{"ip", ingress.ip}};
    if (ingress.proxy_mode) entry["ipMode"] = "Proxy";
    json["status"]["loadBalancer"]["ingress"].push_back(std::move(entry));
  }
  return json;
}

Json named(const std::vector<std::string>& names) {
  Json json = Json::array();
  for (const std::string& each : names) json.push_back({{"name", each}});
  return json;
}

Json endpoint_json(const SliceEndpoint& endpoint) {
  Json json = {{"addresses", endpoint.addresses},
               {"conditions",
                {{"ready", endpoint.ready},
                 {"serving", endpoint.serving},
                 {"terminating", endpoint.terminating}}}};
  if (endpoint.node_name) json["nodeName"] = *endpoint.node_name;
  if (endpoint.target_pod) json["targetRef"] = {{"kind", "Pod"}, {"name", *endpoint.target_pod}};
  if (!endpoint.zone_hints.empty()) json["hints"]["forZones"] = named(endpoint.zone_hints);
  if (!endpoint.node_hints.empty()) json["hints"]["forNodes"] = named(endpoint.node_hints);
  return json;
}

Json to_json(const EndpointSlice& slice) {
  Json json = object("EndpointSlice", "discovery.k8s.io/v1", slice.key);
  put_labels(json, slice.labels);
  json["addressType"] = name(slice.address_type);
  json["ports"] = Json::array();
  for (const SlicePort& port : slice.ports) {
    Json& entry = json["ports"].emplace_back(Json{{"protocol", name(port.protocol)}});
    if (port.name) entry["name"] = *port.name;
    if (port.port) entry["port"] = *port.port;
  }
  json["endpoints"] = Json::array();
  for (const SliceEndpoint& each : slice.endpoints) {
    json["endpoints"].push_back(endpoint_json(each));
  }
  return json;
}

Json to_json(const Node& node) {
  Json json = object("Node", "v1", node.key);
  put_labels(json, node.labels);
  json["spec"]["podCIDRs"] = node.pod_cidrs;
  for (const NodeAddress& each : node.addresses) {
    json["status"]["addresses"].push_back({{"type", each.type}, {"address", each.address}});
  }
  return json;
}

Json to_json(const Pod& pod) {
  Json json = object("Pod", "v1", pod.key);
  json["spec"]["nodeName"] = pod.node_name;
  if (pod.host_network) json["spec"]["hostNetwork"] = true;
  for (const std::string& ip : pod.pod_ips) json["status"]["podIPs"].push_back({{"ip", ip}});
  return json;
}

template <class Map>
void put(Objects& objects, ObjectKind kind, const Map& map) {
  for (const auto& [key, each] : map) objects.json[{kind, key}] = to_json(each).dump();
}

}  // namespace

Objects objects_of(const Cluster& cluster) {
  Objects objects;
  objects.cluster = cluster;
  put(objects, ObjectKind::kService, cluster.services);
  put(objects, ObjectKind::kEndpointSlice, cluster.endpoint_slices);
  put(objects, ObjectKind::kNode, cluster.nodes);
  put(objects, ObjectKind::kPod, cluster.pods);
  return objects;
}

}  // namespace kubeproof::explore
