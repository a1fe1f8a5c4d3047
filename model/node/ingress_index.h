// Where packets of a source enter a node, as World::ingress_for_source() tells it, for worlds of
// many routes and captures of many sources.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "model/node/prefix_map.h"
#include "model/node/world.h"

namespace kubeproof {

class IngressIndex {
 public:
  // Nothing of the world is kept.
  explicit IngressIndex(const World& world);

  Ingress for_source(const IpAddress& source) const;

 private:
  struct Way {
    uint32_t metric = 0;
    uint32_t interface = 0;
  };

  uint32_t uplink_ = 0;
  std::unordered_set<IpAddress> own_;
  PrefixMap<Way> ways_;
};

}  // namespace kubeproof
