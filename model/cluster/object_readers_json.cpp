#include "model/cluster/object_readers_json.h"

#include <algorithm>
#include <utility>

#include "model/cluster/address_text.h"

namespace kubeproof {

std::string read_name(const JsonField& field) {
  constexpr size_t kLongest = 253;  // of a DNS name, RFC 1123
  std::string name = field.string_or("");
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
  if (!plain || name.size() > kLongest) {
    field.fail_expecting("a name of lower-case letters, digits, '-' and '.'");
  }
  return name;
}

ObjectKey read_key(const JsonField& object, bool namespaced) {
  const JsonField metadata = object["metadata"];
  ObjectKey key;
  if (namespaced) {
    key.name_space = read_name(metadata["namespace"]);
    if (key.name_space.empty()) key.name_space = "default";
  }
  if (metadata["name"].string().empty()) metadata["name"].fail_expecting("a name");
  key.name = read_name(metadata["name"]);
  return key;
}

std::map<std::string, std::string> read_labels(const JsonField& object) {
  std::map<std::string, std::string> labels;
  for (const auto& [name, value] : object["metadata"]["labels"].members()) {
    labels.emplace(name, value.string_or(""));
  }
  return labels;
}

Protocol read_protocol(const JsonField& field) {
  return field.one_of_or<Protocol>(kTcp, {{"TCP", kTcp}, {"UDP", kUdp}, {"SCTP", kSctp}});
}

Node read_node(const JsonField& object) {
  Node node;
  node.key = read_key(object, false);
  node.labels = read_labels(object);
  for (const JsonField& address : object["status"]["addresses"].items()) {
    NodeAddress& read = node.addresses.emplace_back();
    read.type = address["type"].string();
    read.address = address["address"].string();
    if (read.type.ends_with("IP") && !parse_sloppy_address(read.address)) {
      address["address"].fail_expecting("an IP address");
    }
  }
  const JsonField spec = object["spec"];
  std::vector<JsonField> pod_cidrs = spec["podCIDRs"].items();
  if (pod_cidrs.empty() && spec["podCIDR"].present()) pod_cidrs = {spec["podCIDR"]};
  for (const JsonField& cidr : pod_cidrs) {
    node.pod_cidrs.push_back(cidr.string());
    if (!parse_sloppy_cidr(node.pod_cidrs.back())) cidr.fail_expecting("a CIDR");
  }
  return node;
}

Pod read_pod(const JsonField& object) {
  Pod pod;
  pod.key = read_key(object, true);
  pod.node_name = object["spec"]["nodeName"].string_or("");
  pod.host_network = object["spec"]["hostNetwork"].boolean_or(false);
  const JsonField status = object["status"];
  for (const JsonField& each : status["podIPs"].items()) pod.pod_ips.push_back(each["ip"].string());
  if (pod.pod_ips.empty() && status["podIP"].present()) pod.pod_ips = {status["podIP"].string()};
  // The address of a pod that has ended may be another's by now.
  const std::string phase = status["phase"].string_or("");
  if (phase == "Succeeded" || phase == "Failed") pod.pod_ips.clear();
  return pod;
}

}  // namespace kubeproof
