#include "model/proxier/service_port.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "model/cluster/address_text.h"

namespace kubeproof::proxier {
namespace {

constexpr const char* kServiceProxyNameLabel = "service.kubernetes.io/service-proxy-name";
constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

bool is_watched(const Service& service, Release release) {
  if (service.labels.contains(kServiceProxyNameLabel)) return false;
  if (release.labels_hide_both_kinds() && service.labels.contains(kHeadlessLabel)) return false;
  return !service.cluster_ip.empty() && service.cluster_ip != "None" &&
         service.type != ServiceType::kExternalName;
}

std::optional<IpAddress> cluster_ip(const Service& service, Family family) {
  if (service.ip_families.empty()) {
    const auto address = parse_sloppy_address(service.cluster_ip);
    return address && address->family() == family ? address : std::nullopt;
  }
  const auto found = std::find(service.ip_families.begin(), service.ip_families.end(), family);
  const auto place = static_cast<size_t>(found - service.ip_families.begin());
  if (found == service.ip_families.end() || place >= service.cluster_ips.size()) {
    return std::nullopt;
  }
  return parse_sloppy_address(service.cluster_ips[place]);
}

// Those of the family, in their order; what is no address is passed over.
std::vector<IpAddress> addresses_of_family(const std::vector<std::string>& texts, Family family) {
  std::vector<IpAddress> result;
  for (const std::string& text : texts) {
    const auto address = parse_sloppy_address(text);
    if (address && address->family() == family) result.push_back(*address);
  }
  return result;
}

std::vector<IpAddress> load_balancer_vips(const Service& service, Family family, Release release) {
  std::vector<std::string> texts;
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    if (!(ingress.proxy_mode && release.honours_ip_mode())) texts.push_back(ingress.ip);
  }
  return addresses_of_family(texts, family);
}

std::vector<Cidr> source_ranges(const Service& service, Family family, Release release) {
  std::vector<Cidr> ranges;
  for (const std::string& text : service.load_balancer_source_ranges) {
    const auto range = parse_sloppy_cidr(without_blanks_around(text));
    if (range && range->family() == family) ranges.push_back(*range);
  }
  const bool open = std::any_of(ranges.begin(), ranges.end(),
                                [](const Cidr& range) { return range.prefix_length() == 0; });
  if (open && release.zero_range_allows_all()) ranges.clear();
  return ranges;
}

// Whether the external traffic policy means anything for a Service of this type.
bool has_external_traffic(const Service& service, Release release) {
  return service.type == ServiceType::kLoadBalancer || service.type == ServiceType::kNodePort ||
         (service.type == ServiceType::kClusterIp && !service.external_ips.empty() &&
          release.honours_external_policy_of_cluster_ip_services());
}

bool hints_count(const Service& service, Release release) {
  if (!release.honours_hints()) return false;
  if (!release.hints_need_annotation()) return true;
  // The older name wins.
  std::string annotation = service.topology_aware_hints.value_or("");
  if (!service.topology_aware_hints && release.reads_topology_mode()) {
    annotation = service.topology_mode.value_or("");
  }
  if (release.hints_need_auto()) return annotation == "Auto" || annotation == "auto";
  return !annotation.empty() && annotation != "disabled" && annotation != "Disabled";
}

}  // namespace

bool ServicePortInfo::externally_accessible() const {
  return node_port != 0 || !load_balancer_vips.empty() || has_external_ips;
}

bool ServicePortInfo::uses_cluster_endpoints() const {
  return !internal_policy_local || externally_accessible();
}

bool ServicePortInfo::uses_local_endpoints() const {
  return internal_policy_local || (external_policy_local && externally_accessible());
}

std::vector<ServicePortInfo> service_ports(const Service& service, Family family, Release release) {
  if (!is_watched(service, release)) return {};
  const auto address = cluster_ip(service, family);
  if (!address) return {};

  ServicePortInfo common;
  common.name.service = service.key;
  common.cluster_ip = *address;
  common.client_ip_affinity = service.client_ip_affinity;
  common.affinity_timeout_seconds = service.affinity_timeout_seconds;
  common.external_policy_local = has_external_traffic(service, release) &&
                                 service.external_traffic_policy == TrafficPolicy::kLocal;
  common.internal_policy_local =
      release.honours_internal_policy() && service.internal_traffic_policy == TrafficPolicy::kLocal;
  common.external_ips = addresses_of_family(service.external_ips, family);
  common.has_external_ips = !common.external_ips.empty();
  if (release.ignores_external_ips()) common.external_ips.clear();
  common.load_balancer_vips = load_balancer_vips(service, family, release);
  common.source_ranges = source_ranges(service, family, release);
  if (service.type == ServiceType::kLoadBalancer && common.external_policy_local) {
    common.health_check_node_port = service.health_check_node_port;
  }
  common.hints_count = hints_count(service, release);

  std::vector<ServicePortInfo> ports;
  for (const ServicePort& port : service.ports) {
    ServicePortInfo& info = ports.emplace_back(common);
    info.name.port = port.name;
    info.name.protocol = port.protocol;
    info.port = port.port;
    info.node_port = port.node_port;
  }
  return ports;
}

}  // namespace kubeproof::proxier
