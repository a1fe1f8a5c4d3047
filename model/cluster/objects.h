// A snapshot as it was read: what the model needs of the objects, and the objects themselves, word
// for word, so that a case can carry them.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "model/cluster/cluster.h"

namespace kubeproof {

enum class ObjectKind : uint8_t { kService, kEndpointSlice, kNode, kPod };

std::string_view to_string(ObjectKind kind);

struct ObjectId {
  ObjectKind kind = ObjectKind::kService;
  ObjectKey key;

  // "Service default/web", "Node node-a"
  std::string to_string() const;
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

struct Objects {
  Cluster cluster;
  std::map<ObjectId, std::string> json;   // each object as it was read, in one line
  std::map<std::string, size_t> skipped;  // how many of which other kinds were read and left out
  std::set<ObjectId> changed;             // given more than once, and not alike; the last counts

  // As `kubectl apply` would: objects of the same kind and name are replaced.
  void apply(Objects later);
  // False where there is none.
  bool erase(const ObjectId& id);
};

}  // namespace kubeproof
