#include "datapath/control/service_programmer.h"

#include <utility>

namespace kubeproof::control {

Result<void> ServiceProgrammer::prepare(const Cluster& cluster, const NodeFacts& node,
                                        MapTransaction& transaction) {
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
  auto change = table_.plan(entries);
  if (!change) return tl::unexpected(change.error());
  if (auto written = maps_.prepare(*std::move(change), transaction); !written) return written;
  prepared_ = std::move(entries);
  return {};
}

void ServiceProgrammer::take_over() {
  maps_.take_over();
  table_.take_over(std::exchange(prepared_, {}));
  outdated_.clear();
}

std::set<Family> ServiceProgrammer::take_udp_changes() {
  return std::exchange(udp_changes_, {});
}

}  // namespace kubeproof::control
