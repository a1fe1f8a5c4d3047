// From snapshots of objects to the maps of services: finds what differs from the last snapshot and
// carries that much through table and maps.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "datapath/control/endpoint_watch.h"
#include "datapath/control/object_mirror.h"
#include "datapath/control/service_entries.h"
#include "datapath/control/service_maps.h"
#include "datapath/control/service_table.h"

namespace kubeproof::control {

class ServiceProgrammer {
 public:
  explicit ServiceProgrammer(ServiceMapHandles maps) : maps_(std::move(maps)) {}

  // Writes what packets will meet that go by maps().next_state(). To be taken back where
  // take_over() is not called; the next call makes up for it.
  Result<void> prepare(const Cluster& cluster, const NodeFacts& node, MapTransaction& transaction);
  // Packets go by it.
  void take_over();

  // The families in which endpoints of services with UDP ports changed since this was last asked.
  std::set<Family> take_udp_changes();

  const ServiceTable& table() const { return table_; }
  ServiceMaps& maps() { return maps_; }
  const ServiceMaps& maps() const { return maps_; }

 private:
  ObjectMirror objects_;
  std::set<ObjectKey> outdated_;  // services that the maps do not show as the mirror does
  EndpointWatch watch_;
  std::set<Family> udp_changes_;
  std::optional<NodeFacts> node_;
  ServiceTable::NewEntries prepared_;
  ServiceTable table_;
  ServiceMaps maps_;
};

}  // namespace kubeproof::control
