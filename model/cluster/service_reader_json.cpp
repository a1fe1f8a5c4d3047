// Services (v1), as far as kube-proxy reads them.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "model/cluster/address_text.h"
#include "model/cluster/object_readers_json.h"

namespace kubeproof {
namespace {

constexpr int64_t kMaxPort = 65535;
constexpr int64_t kMaxAffinitySeconds = 86400;
constexpr int64_t kDefaultAffinitySeconds = 10800;

std::string read_cluster_ip(const JsonField& field) {
  std::string text = field.string_or("");
  if (text.empty() || text == "None") return text;
  const auto address = parse_sloppy_address(text);
  if (!address) field.fail_expecting("an IP address or None");
  if (!may_be_served(*address)) field.fail_expecting("an address that a Service can have");
  return text;
}

// The API server keeps clusterIP the first of clusterIPs, one of them for each family, and the
// families in the same order (pkg/apis/core/validation ValidateServiceClusterIPsRelatedFields).
void check_cluster_ips(const JsonField& spec, const Service& service) {
  const std::vector<JsonField> families = spec["ipFamilies"].items();
  if (families.size() == 2 && service.ip_families[0] == service.ip_families[1]) {
    families[1].fail("a family comes once");
  }
  if (families.size() > 2) families[2].fail("there are two families");
  const std::vector<JsonField> fields = spec["clusterIPs"].items();
  std::set<Family> seen;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& text = service.cluster_ips[i];
    const auto address = parse_sloppy_address(text);
    const auto first = parse_sloppy_address(service.cluster_ip);
    if (i == 0 && !service.cluster_ip.empty() &&
        (address != first || (!first && text != service.cluster_ip))) {
      fields[0].fail_expecting(fmt::format("what clusterIP is, {}", service.cluster_ip));
    }
    if (!address) {
      if (fields.size() > 1) fields[i].fail_expecting("an IP address, since there are several");
      continue;
    }
    if (!seen.insert(address->family()).second) {
      fields[i].fail_expecting("an address of the other family than that before");
    }
    if (!families.empty() &&
        (i >= families.size() || address->family() != service.ip_families[i])) {
      fields[i].fail_expecting(
          i < families.size()
              ? fmt::format("an {} address, as in ipFamilies", to_string(service.ip_families[i]))
              : "no more addresses than ipFamilies has families");
    }
  }
}

std::vector<ServicePort> read_ports(const JsonField& ports) {
  std::vector<ServicePort> result;
  std::set<std::string> names;
  const std::vector<JsonField> items = ports.items();
  for (const JsonField& item : items) {
    ServicePort port;
    port.name = read_name(item["name"]);
    port.protocol = read_protocol(item["protocol"]);
    port.port = static_cast<uint16_t>(item["port"].integer(1, kMaxPort));
    port.node_port = static_cast<uint16_t>(item["nodePort"].integer_or(0, 0, kMaxPort));
    if (items.size() > 1 && port.name.empty()) {
      item["name"].fail_expecting("a name, since there are several ports");
    }
    if (!names.insert(port.name).second) item["name"].fail("a port of this name came before");
    result.push_back(std::move(port));
  }
  return result;
}

// What is no address stays among them: kube-proxy passes over it.
std::vector<std::string> read_external_ips(const JsonField& field) {
  for (const JsonField& item : field.items()) {
    const auto address = parse_sloppy_address(item.string());
    if (address && !may_be_served(*address)) {
      item.fail_expecting("an address that a Service can have");
    }
  }
  return field.strings();
}

TrafficPolicy read_policy(const JsonField& field) {
  return field.one_of_or(TrafficPolicy::kCluster,
                         {{"Cluster", TrafficPolicy::kCluster}, {"Local", TrafficPolicy::kLocal}});
}

void read_affinity(const JsonField& spec, Service& service) {
  service.client_ip_affinity =
      spec["sessionAffinity"].one_of_or(false, {{"None", false}, {"ClientIP", true}});
  service.affinity_timeout_seconds =
      static_cast<uint32_t>(spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].integer_or(
          kDefaultAffinitySeconds, 1, kMaxAffinitySeconds));
}

std::vector<LoadBalancerIngress> read_load_balancer(const JsonField& ingress) {
  std::vector<LoadBalancerIngress> result;
  for (const JsonField& item : ingress.items()) {
    LoadBalancerIngress entry;
    entry.ip = item["ip"].string_or("");
    entry.proxy_mode = item["ipMode"].one_of_or(false, {{"VIP", false}, {"Proxy", true}});
    result.push_back(std::move(entry));
  }
  return result;
}

void read_topology_annotations(const JsonField& object, Service& service) {
  const JsonField annotations = object["metadata"]["annotations"];
  const auto read = [&](const char* name) {
    const JsonField field = annotations[name];
    return field.present() ? std::optional(field.string()) : std::nullopt;
  };
  service.topology_aware_hints = read("service.kubernetes.io/topology-aware-hints");
  service.topology_mode = read("service.kubernetes.io/topology-mode");
}

}  // namespace

Service read_service(const JsonField& object) {
  Service service;
  service.key = read_key(object, true);
  service.labels = read_labels(object);
  read_topology_annotations(object, service);

  const JsonField spec = object["spec"];
  if (!spec.present()) spec.fail_expecting("the service's specification");
  service.type = spec["type"].one_of_or(ServiceType::kClusterIp,
                                        {{"ClusterIP", ServiceType::kClusterIp},
                                         {"NodePort", ServiceType::kNodePort},
                                         {"LoadBalancer", ServiceType::kLoadBalancer},
                                         {"ExternalName", ServiceType::kExternalName}});
  service.cluster_ip = read_cluster_ip(spec["clusterIP"]);
  for (const JsonField& item : spec["clusterIPs"].items()) {
    service.cluster_ips.push_back(read_cluster_ip(item));
  }
  for (const JsonField& item : spec["ipFamilies"].items()) {
    service.ip_families.push_back(
        item.one_of<Family>({{"IPv4", Family::kIpv4}, {"IPv6", Family::kIpv6}}));
  }
  check_cluster_ips(spec, service);
  service.ports = read_ports(spec["ports"]);
  service.external_ips = read_external_ips(spec["externalIPs"]);
  service.load_balancer_source_ranges = spec["loadBalancerSourceRanges"].strings();
  service.external_traffic_policy = read_policy(spec["externalTrafficPolicy"]);
  service.internal_traffic_policy = read_policy(spec["internalTrafficPolicy"]);
  read_affinity(spec, service);
  service.health_check_node_port =
      static_cast<uint16_t>(spec["healthCheckNodePort"].integer_or(0, 0, kMaxPort));
  service.load_balancer_ingress = read_load_balancer(object["status"]["loadBalancer"]["ingress"]);
  return service;
}

}  // namespace kubeproof
