// All that a run begins with: objects, the node, kube-proxy's configuration; and the node's world
// made from them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/cluster/objects.h"
#include "model/cluster/proxy_config.h"
#include "model/node/node_pods.h"
#include "model/node/node_spec.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// As the command line names them.
struct SnapshotFiles {
  std::vector<std::string> cluster = {};
  std::string node = {};
  std::optional<std::string> proxy_config = {};
  std::optional<std::string> interfaces = {};  // `ip -j addr`
  std::vector<std::string> routes = {};        // `ip -j route`, `ip -j -6 route`; empty: not given
};

struct Snapshot {
  NodeSpec node;
  ProxyConfig proxy;
  Objects objects;
};

// The node must be among the objects.
Result<Snapshot> read_snapshot(const SnapshotFiles& files);

// Lets the node and its Node object complete each other: addresses and pod CIDRs that one of them
// lacks come from the other. A Node object that is missing altogether is added.
void complete_node(NodeSpec& node, Cluster& cluster);

// The world of a completed node, with the sysctls that kube-proxy sets. `pods` may have more pods
// than `cluster`: those of later states, and of traffic.
Result<World> make_world(const NodeSpec& node, const NodePods& pods, const Cluster& cluster,
                         const ProxyConfig& proxy);

}  // namespace kubeproof
