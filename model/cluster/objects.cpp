#include "model/cluster/objects.h"

#include <utility>

namespace kubeproof {
namespace {

template <class Map>
void take_over(Map& into, Map from) {
  for (auto& [key, value] : from) into.insert_or_assign(key, std::move(value));
}

}  // namespace

std::string_view to_string(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return "Service";
    case ObjectKind::kEndpointSlice:
      return "EndpointSlice";
    case ObjectKind::kNode:
      return "Node";
    case ObjectKind::kPod:
      break;
  }
  return "Pod";
}

std::string ObjectId::to_string() const {
  return std::string(kubeproof::to_string(kind)) + " " + key.to_string();
}

void Objects::apply(Objects later) {
  for (const auto& [id, text] : later.json) {
    const auto earlier = json.find(id);
    if (earlier != json.end() && earlier->second != text) changed.insert(id);
  }
  changed.merge(later.changed);
  for (const auto& [kind, count] : later.skipped) skipped[kind] += count;
  take_over(cluster.services, std::move(later.cluster.services));
  take_over(cluster.endpoint_slices, std::move(later.cluster.endpoint_slices));
  take_over(cluster.nodes, std::move(later.cluster.nodes));
  take_over(cluster.pods, std::move(later.cluster.pods));
  take_over(json, std::move(later.json));
}

bool Objects::erase(const ObjectId& id) {
  json.erase(id);
  switch (id.kind) {
    case ObjectKind::kService:
      return cluster.services.erase(id.key) != 0;
    case ObjectKind::kEndpointSlice:
      return cluster.endpoint_slices.erase(id.key) != 0;
    case ObjectKind::kNode:
      return cluster.nodes.erase(id.key) != 0;
    case ObjectKind::kPod:
      break;
  }
  return cluster.pods.erase(id.key) != 0;
}

}  // namespace kubeproof
