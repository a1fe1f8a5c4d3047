#include "model/cluster/object_readers_json.h"

#include <utility>

namespace kubeproof {

ObjectKey read_key(const JsonField& object, bool namespaced) {
  const JsonField metadata = object["metadata"];
  ObjectKey key;
  if (namespaced) key.name_space = metadata["namespace"].string_or("default");
  key.name = metadata["name"].string();
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
    node.addresses.push_back({address["type"].string(), address["address"].string()});
  }
  const JsonField spec = object["spec"];
  node.pod_cidrs = spec["podCIDRs"].strings();
  if (node.pod_cidrs.empty() && spec["podCIDR"].present()) {
    node.pod_cidrs = {spec["podCIDR"].string()};
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
