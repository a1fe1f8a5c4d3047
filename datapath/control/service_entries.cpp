#include "datapath/control/service_entries.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "datapath/control/node_settings.h"
#include "model/cluster/address_text.h"

namespace kubeproof::control {
namespace {

constexpr const char* kProxyNameLabel = "service.kubernetes.io/service-proxy-name";
constexpr const char* kHeadlessLabel = "service.kubernetes.io/headless";

bool is_served(const Service& service, const Release& release) {
  if (release.hides_both_kinds_alike() && service.labels.contains(kHeadlessLabel)) return false;
  return service.type != ServiceType::kExternalName && !service.cluster_ip.empty() &&
         service.cluster_ip != "None" && !service.labels.contains(kProxyNameLabel);
}

std::optional<IpAddress> cluster_ip(const Service& service, Family family) {
  std::string text;
  if (service.ip_families.empty()) text = service.cluster_ip;
  for (size_t i = 0; i < service.ip_families.size() && i < service.cluster_ips.size(); ++i) {
    if (service.ip_families[i] == family) text = service.cluster_ips[i];
  }
  const auto address = parse_sloppy_address(text);
  return address && address->family() == family ? address : std::nullopt;
}

std::vector<IpAddress> addresses_of(const std::vector<std::string>& texts, Family family) {
  std::vector<IpAddress> addresses;
  for (const std::string& text : texts) {
    const auto address = parse_sloppy_address(text);
    if (address && address->family() == family) addresses.push_back(*address);
  }
  return addresses;
}

// An entry with ipMode Proxy is not ours to serve: the load balancer must see that traffic.
std::vector<IpAddress> load_balancer_ips(const Service& service, Family family) {
  std::vector<std::string> texts;
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    if (!ingress.ip.empty() && !ingress.proxy_mode) texts.push_back(ingress.ip);
  }
  return addresses_of(texts, family);
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Empty: everyone may come. That is so too where every range is invalid or of the other family,
// and where one of them covers all.
std::vector<Cidr> source_ranges(const Service& service, Family family) {
  std::vector<Cidr> ranges;
  for (const std::string& text : service.load_balancer_source_ranges) {
    const auto range = parse_sloppy_cidr(trim(text));
    if (!range || range->family() != family) continue;
    if (range->prefix_length() == 0) return {};
    ranges.push_back(*range);
  }
  return ranges;
}

// A node that may contact the load balancer's IPs may do so from those very IPs, where they are
// bound to it.
void allow_own_ips(std::vector<Cidr>& ranges, const std::vector<IpAddress>& ips,
                   const std::optional<IpAddress>& node_ip) {
  if (!node_ip) return;
  const auto contains_node = [&](const Cidr& range) { return range.contains(*node_ip); };
  if (std::none_of(ranges.begin(), ranges.end(), contains_node)) return;
  for (const IpAddress& ip : ips) ranges.push_back(Cidr::host(ip));
}

bool external_policy_local(const Service& service) {
  const bool applies = service.type == ServiceType::kLoadBalancer ||
                       service.type == ServiceType::kNodePort || !service.external_ips.empty();
  return applies && service.external_traffic_policy == TrafficPolicy::kLocal;
}

// kube-proxy writes rules for no other endpoints, and forgets the clients of those that have none
// (UsesClusterEndpoints(), UsesLocalEndpoints(); a list of `-m recent` lives as long as a rule
// names it). Local clients of external addresses are led anywhere, whatever the policy.
void leave_out_unused_endpoints(ServiceEntry& entry) {
  bool uses_cluster = false, uses_local = false;
  for (const Frontend& frontend : entry.frontends) {
    const bool local = (frontend.flags & abi::FRONTEND_POLICY_LOCAL) != 0;
    uses_local |= local;
    uses_cluster |= !local || (frontend.flags & abi::FRONTEND_CLUSTER_IP) == 0;
  }
  if (!uses_cluster) entry.endpoints.cluster.clear();
  if (!uses_local) entry.endpoints.local.clear();
}

// The entries of one family.
class EntryBuilder {
 public:
  EntryBuilder(Family family, const NodeFacts& node)
      : family_(family),
        node_(node.place),
        node_ip_(is_v4() ? node.ipv4 : node.ipv6),
        release_(node.release) {}

  void add(const Service& service, const std::vector<const EndpointSlice*>& slices,
           std::vector<ServiceEntry>& entries) const {
    const auto ip = cluster_ip(service, family_);
    if (!ip) return;
    for (const ServicePort& port : service.ports) {
      entries.push_back(entry(service, port, *ip, slices));
    }
  }

 private:
  bool is_v4() const { return family_ == Family::kIpv4; }

  ServiceEntry entry(const Service& service, const ServicePort& port, const IpAddress& ip,
                     const std::vector<const EndpointSlice*>& slices) const {
    ServiceEntry entry{.name = {service.key, port.name, port.protocol, family_},
                       .endpoints = choose_endpoints(slices, family_, port, node_, release_),
                       .affinity_timeout_seconds =
                           service.client_ip_affinity ? service.affinity_timeout_seconds : 0};
    uint32_t common = 0;
    if (entry.endpoints.usable) common |= abi::FRONTEND_HAS_ENDPOINTS;
    if (service.client_ip_affinity) common |= abi::FRONTEND_AFFINITY;
    const uint32_t external =
        common | (external_policy_local(service) ? uint32_t{abi::FRONTEND_POLICY_LOCAL} : 0);
    const uint32_t internal = common | abi::FRONTEND_CLUSTER_IP |
                              (service.internal_traffic_policy == TrafficPolicy::kLocal
                                   ? uint32_t{abi::FRONTEND_POLICY_LOCAL}
                                   : 0);

    entry.frontends.push_back({.at = {ip, port.port}, .flags = internal});
    if (release_.serves_external_ips) {
      for (const IpAddress& external_ip : addresses_of(service.external_ips, family_)) {
        entry.frontends.push_back({.at = {external_ip, port.port}, .flags = external});
      }
    }
    const auto balancer_ips = load_balancer_ips(service, family_);
    auto ranges = source_ranges(service, family_);
    allow_own_ips(ranges, balancer_ips, node_ip_);
    for (const IpAddress& balancer_ip : balancer_ips) {
      const uint32_t guarded = ranges.empty() ? 0 : uint32_t{abi::FRONTEND_SOURCE_RANGES};
      entry.frontends.push_back(
          {.at = {balancer_ip, port.port}, .flags = external | guarded, .source_ranges = ranges});
    }
    if (port.node_port != 0) {
      entry.frontends.push_back({.kind = abi::FRONTEND_NODE_PORT,
                                 .at = {IpAddress::unspecified(family_), port.node_port},
                                 .flags = external});
    }
    leave_out_unused_endpoints(entry);
    if (service.type == ServiceType::kLoadBalancer && service.health_check_node_port != 0 &&
        external_policy_local(service)) {
      for (const uint16_t number : {service.health_check_node_port, uint16_t{0}}) {
        entry.frontends.push_back(
            {.kind = abi::FRONTEND_HEALTH_CHECK, .at = {IpAddress::unspecified(family_), number}});
      }
    }
    return entry;
  }

  Family family_;
  const NodePlace& node_;
  std::optional<IpAddress> node_ip_;
  const Release& release_;
};

}  // namespace

std::string ServicePortName::to_string() const {
  return port.empty() ? service.to_string() : service.to_string() + ":" + port;
}

NodeFacts node_facts(const World& world, const Cluster& cluster, const ProxyConfig& proxy) {
  return {.place = node_place(world, cluster, proxy),
          .ipv4 = node_ip(world, cluster, proxy, Family::kIpv4),
          .ipv6 = node_ip(world, cluster, proxy, Family::kIpv6),
          .release = Release(proxy)};
}

std::vector<ServiceEntry> make_service_entries(const Service& service,
                                               const std::vector<const EndpointSlice*>& slices,
                                               const NodeFacts& node) {
  std::vector<ServiceEntry> entries;
  if (!is_served(service, node.release)) return entries;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    EntryBuilder(family, node).add(service, slices, entries);
  }
  return entries;
}

}  // namespace kubeproof::control
