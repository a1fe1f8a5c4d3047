#include "model/snapshot/snapshot.h"

#include <fmt/ranges.h>

#include <utility>

#include "model/cluster/address_text.h"
#include "model/cluster/conflicts.h"
#include "model/cluster/read_objects.h"
#include "model/cluster/read_proxy_config.h"
#include "model/node/default_world.h"
#include "model/node/read_world.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/sysctls.h"

namespace kubeproof {
namespace {

// Those that the node's own interfaces carry; without any, all that the object has.
std::vector<InterfaceAddress> interface_addresses(const Node& object) {
  std::vector<InterfaceAddress> result;
  for (const char* type : {"InternalIP", "ExternalIP"}) {
    if (!result.empty()) break;
    for (const NodeAddress& each : object.addresses) {
      const auto address = parse_sloppy_address(each.address);
      if (each.type == type && address) result.push_back(node_address(*address));
    }
  }
  return result;
}

}  // namespace

void complete_node(NodeSpec& node, Cluster& cluster) {
  Node& object = cluster.nodes[{"", node.name}];
  object.key.name = node.name;
  if (node.addresses.empty()) node.addresses = interface_addresses(object);
  if (object.addresses.empty()) {
    for (const InterfaceAddress& each : node.addresses) {
      object.addresses.push_back({"InternalIP", each.address.to_string()});
    }
  }
  if (node.pod_cidrs.empty()) {
    for (const std::string& text : object.pod_cidrs) {
      if (const auto cidr = parse_sloppy_cidr(text)) node.pod_cidrs.push_back(*cidr);
    }
  }
  if (object.pod_cidrs.empty()) {
    for (const Cidr& cidr : node.pod_cidrs) object.pod_cidrs.push_back(cidr.to_string());
  }
}

Result<Snapshot> read_snapshot(const SnapshotFiles& files) {
  Snapshot snapshot;
  auto objects = read_objects(files.cluster);
  if (!objects) return tl::unexpected(objects.error());
  snapshot.objects = *std::move(objects);

  const auto& nodes = snapshot.objects.cluster.nodes;
  if (!nodes.contains({"", files.node})) {
    std::vector<std::string> names;
    names.reserve(nodes.size());
    for (const auto& [key, node] : nodes) names.push_back(key.name);
    return bad_input("{}: no Node '{}'; {}", fmt::join(files.cluster, ", "), files.node,
                     names.empty() ? "there are no Node objects at all"
                                   : fmt::format("there are {}", fmt::join(names, ", ")));
  }
  if (auto checked = check_conflicts(snapshot.objects.cluster); !checked) {
    return bad_input("{}: {}", fmt::join(files.cluster, ", "), checked.error().message);
  }
  snapshot.node.name = files.node;
  complete_node(snapshot.node, snapshot.objects.cluster);

  if (files.proxy_config) {
    auto proxy = read_proxy_config(*files.proxy_config);
    if (!proxy) return tl::unexpected(proxy.error());
    snapshot.proxy = *std::move(proxy);
  }
  if (files.interfaces) {
    auto interfaces = read_interfaces(*files.interfaces);
    if (!interfaces) return tl::unexpected(interfaces.error());
    snapshot.node.interfaces = *std::move(interfaces);
  }
  if (!files.routes.empty()) {
    auto routes = read_routes(files.routes);
    if (!routes) return tl::unexpected(routes.error());
    snapshot.node.routes = *std::move(routes);
  }
  return snapshot;
}

Result<World> make_world(const NodeSpec& node, const NodePods& pods, const Cluster& cluster,
                         const ProxyConfig& proxy) {
  const auto identity = proxier::identify_node(node.name, cluster, proxy);
  const auto sysctls = proxier::sysctls_after_start(proxy, identity);
  if (!sysctls) return tl::unexpected(sysctls.error());
  return make_world(node, pods, proxy, *sysctls);
}

}  // namespace kubeproof
