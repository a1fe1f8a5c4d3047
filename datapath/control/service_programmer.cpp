#include "datapath/control/service_programmer.h"

#include <utility>

namespace kubeproof::control {

Result<void> ServiceProgrammer::program(const Cluster& cluster, const NodeFacts& node) {
  outdated_.merge(objects_.adopt(cluster));
  if (node_ != node) {
    for (const auto& [key, service] : objects_.services()) outdated_.insert(key);
    node_ = node;
  }
  for (const ObjectKey& key : outdated_) {
    udp_changes_.merge(watch_.note(key, objects_.slices_of(key), node.place, node.release));
  }

  ServiceTable::NewEntries entries;
  for (const ObjectKey& key : outdated_) {
    const Service* service = objects_.service(key);
    entries[key] = service == nullptr
                       ? std::vector<ServiceEntry>()
                       : make_service_entries(*service, objects_.slices_of(key), node);
  }
  const auto change = table_.plan(entries);
  if (!change) return tl::unexpected(change.error());
  if (auto written = maps_.program(*change); !written) return written;
  table_.take_over(std::move(entries));
  outdated_.clear();
  return {};
}

std::set<Family> ServiceProgrammer::take_udp_changes() {
  return std::exchange(udp_changes_, {});
}

}  // namespace kubeproof::control
