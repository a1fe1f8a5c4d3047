#include "tools/kubeproof/snapshot_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <utility>

#include "model/snapshot/snapshot_notes.h"
#include "replay/case/read_case.h"
#include "replay/report/printable.h"

namespace kubeproof {

void SnapshotOptions::add_to(CLI::App& command) {
  constexpr const char* kGroup = "Cluster and node";
  auto* cluster =
      command
          .add_option("--cluster", files_.cluster,
                      "Kubernetes objects, as kubectl get -o json|yaml prints them: Services, "
                      "EndpointSlices, Nodes, Pods")
          ->type_name("FILE")
          ->group(kGroup);
  auto* node = command.add_option("--node", files_.node, "The node under test, by name")
                   ->type_name("NAME")
                   ->group(kGroup);
  cluster->needs(node);
  node->needs(cluster);
  auto* proxy = command
                    .add_option("--proxy-config", files_.proxy_config,
                                "A KubeProxyConfiguration, or the ConfigMap that holds it")
                    ->type_name("FILE")
                    ->group(kGroup);
  auto* interfaces = command
                         .add_option("--interfaces", files_.interfaces,
                                     "The node's interfaces, as ip -j addr prints them")
                         ->type_name("FILE")
                         ->group(kGroup);
  auto* routes = command
                     .add_option("--routes", files_.routes,
                                 "The node's routes, as ip -j route and ip -j -6 route print them")
                     ->type_name("FILE")
                     ->group(kGroup);
  auto* one_case =
      command
          .add_option("--case", case_,
                      "A case, in place of all these: its node, objects and configuration, as its "
                      "timeline begins")
          ->type_name("FILE")
          ->group(kGroup);
  for (CLI::Option* other : {cluster, node, proxy, interfaces, routes}) one_case->excludes(other);
}

Result<Snapshot> SnapshotOptions::read() const {
  if (case_) {
    auto one = read_case(*case_);
    if (!one) return tl::unexpected(one.error());
    return std::move(one->snapshot);
  }
  if (files_.cluster.empty()) return bad_input("--cluster and --node, or --case, are missing");
  return read_snapshot(files_);
}

Result<Configuration> configure(const Snapshot& snapshot, const std::vector<IpAddress>& traffic) {
  NodePods pods(snapshot.node);
  pods.add(snapshot.objects.cluster);
  for (const IpAddress& address : traffic) pods.add_traffic_address(address);
  auto world = make_world(snapshot.node, pods, snapshot.objects.cluster, snapshot.proxy);
  if (!world) return tl::unexpected(world.error());
  return Configuration{*std::move(world), snapshot.objects.cluster, snapshot.proxy};
}

void tell_notes(const Snapshot& snapshot) {
  for (const std::string& note : snapshot_notes(snapshot.objects, snapshot.proxy)) {
    fmt::print(stderr, "kubeproof: note: {}\n", printable(note));
  }
}

}  // namespace kubeproof
