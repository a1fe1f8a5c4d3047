#include "tests/bench/bench_node.h"

#include <utility>

#include "model/node/routing.h"
#include "replay/engine/neighbours.h"
#include "replay/engine/world_setup.h"
#include "tests/bench/bench_traffic.h"

namespace kubeproof {

BenchNode::BenchNode(PrivateNamespace space, std::vector<TunDevice> devices)
    : space_(std::move(space)), devices_(std::move(devices)), stay_(space_) {}

Result<std::unique_ptr<BenchNode>> BenchNode::create(const Configuration& configuration) {
  auto space = PrivateNamespace::create();
  if (!space) return tl::unexpected(space.error());
  auto devices = space->run([&] { return set_up_world(configuration.world); });
  if (!devices) return tl::unexpected(devices.error());
  auto met = space->run([&]() -> Result<void> {
    auto neighbours = Neighbours::create();
    if (!neighbours) return tl::unexpected(neighbours.error());
    return neighbours->know(RoutingTable(configuration.world), bench_elsewhere().address);
  });
  if (!met) return tl::unexpected(met.error());
  return std::unique_ptr<BenchNode>(new BenchNode(std::move(*space), std::move(*devices)));
}

}  // namespace kubeproof
