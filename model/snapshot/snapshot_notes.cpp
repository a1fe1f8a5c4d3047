#include "model/snapshot/snapshot_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "model/cluster/address_text.h"

namespace kubeproof {
namespace {

constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";

// "default/web, default/api and 3 more"
std::string list(const std::vector<std::string>& names) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(kShown, names.size()); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  if (names.size() > kShown) text += fmt::format(" and {} more", names.size() - kShown);
  return text;
}

bool wants_endpoints(const Service& service) {
  return service.type != ServiceType::kExternalName && service.cluster_ip != "None";
}

// kube-proxy passes over Services without one. The API server gives every Service an address, so
// these were written by hand.
bool lacks_cluster_ip(const Service& service) {
  if (!wants_endpoints(service)) return false;
  return service.cluster_ip.empty() ||
         (!service.ip_families.empty() && service.cluster_ips.size() < service.ip_families.size());
}

bool is_address(const std::string& text) {
  return parse_sloppy_address(text).has_value();
}

// Among what clients may contact, or come from, is a text that says nothing. The API server takes
// none, but has not always looked.
bool has_invalid_address(const Service& service) {
  const auto& ips = service.external_ips;
  const auto& ranges = service.load_balancer_source_ranges;
  const auto& ingress = service.load_balancer_ingress;
  return !std::all_of(ips.begin(), ips.end(), is_address) ||
         !std::all_of(ranges.begin(), ranges.end(),
                      [](const auto& each) {
                        return parse_sloppy_cidr(without_blanks_around(each)).has_value();
                      }) ||
         !std::all_of(ingress.begin(), ingress.end(), [](const LoadBalancerIngress& each) {
           return each.ip.empty() || is_address(each.ip);
         });
}

// "Endpoints (3), Ingress (1)"
std::vector<std::string> counted(const std::map<std::string, size_t>& kinds) {
  std::vector<std::string> texts;
  for (const auto& [kind, count] : kinds) texts.push_back(fmt::format("{} ({})", kind, count));
  return texts;
}

}  // namespace

std::vector<std::string> snapshot_notes(const Objects& objects, const ProxyConfig& proxy) {
  const Cluster& cluster = objects.cluster;
  std::set<ObjectKey> served;
  std::vector<std::string> strays;
  for (const auto& [key, slice] : cluster.endpoint_slices) {
    const auto label = slice.labels.find(kServiceNameLabel);
    const ObjectKey service = {key.name_space, label == slice.labels.end() ? "" : label->second};
    served.insert(service);
    if (!cluster.services.contains(service)) strays.push_back(key.to_string());
  }
  std::vector<std::string> bare;
  std::vector<std::string> without_address;
  std::vector<std::string> invalid;
  for (const auto& [key, service] : cluster.services) {
    if (wants_endpoints(service) && !served.contains(key)) bare.push_back(key.to_string());
    if (lacks_cluster_ip(service)) without_address.push_back(key.to_string());
    if (has_invalid_address(service)) invalid.push_back(key.to_string());
  }
  std::vector<std::string> changed;
  for (const ObjectId& id : objects.changed) changed.push_back(id.to_string());
  std::vector<std::string> notes;
  if (!changed.empty()) {
    notes.push_back(fmt::format(
        "given more than once and not alike, so that the last one counts: {}", list(changed)));
  }
  if (!without_address.empty()) {
    notes.push_back(
        fmt::format("Services without a cluster IP for each of their families, to which "
                    "kube-proxy gives no rules there: {}",
                    list(without_address)));
  }
  if (!invalid.empty()) {
    notes.push_back(
        fmt::format("Services with external IPs, load balancer IPs or source ranges that are none, "
                    "which kube-proxy passes over: {}",
                    list(invalid)));
  }
  if (!bare.empty()) {
    notes.push_back(
        fmt::format("Services without an EndpointSlice, so without endpoints: {}", list(bare)));
  }
  if (!strays.empty()) {
    notes.push_back(
        fmt::format("EndpointSlices of no Service among the objects, not used: {}", list(strays)));
  }
  if (!objects.skipped.empty()) {
    notes.push_back(
        fmt::format("objects of other kinds, not used: {}", list(counted(objects.skipped))));
  }
  if (!proxy.ignored_feature_gates.empty()) {
    notes.push_back(fmt::format(
        "feature gates that are taken as they are by default, whatever the configuration says: {}",
        list(proxy.ignored_feature_gates)));
  }
  return notes;
}

}  // namespace kubeproof
