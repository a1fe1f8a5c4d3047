#include "datapath/control/service_programmer.h"

#include <utility>

namespace kubeproof::control {

Result<void> ServiceProgrammer::program(const Cluster& cluster, const NodeFacts& node) {
  ObjectChanges changes = objects_.adopt(cluster);
  outdated_.merge(changes.services);
  udp_change_ = udp_change_ || changes.udp_endpoints;
  if (node_ != node) {
    for (const auto& [key, service] : objects_.services()) outdated_.insert(key);
    node_ = node;
  }

  ServiceTable::NewEntries entries;
  for (const ObjectKey& key : outdated_) {
    const Service* service = objects_.service(key);
    entries[key] = service == nullptr
                       ? std::vector<ServiceEntry>()
                       : make_service_entries(*service, objects_.slices_of(key), node);
  }
  if (auto written = maps_.program(table_.plan(entries)); !written) return written;
  table_.take_over(std::move(entries));
  outdated_.clear();
  return {};
}

bool ServiceProgrammer::take_udp_change() {
  return std::exchange(udp_change_, false);
}

}  // namespace kubeproof::control
