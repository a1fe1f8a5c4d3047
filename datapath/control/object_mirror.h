// The services and slices as control last saw them, so that the next snapshot is read only where it
// differs. Comparing two snapshots is a walk over both, side by side; all that follows of it costs
// according to the change.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "model/cluster/cluster.h"

namespace kubeproof::control {

struct ObjectChanges {
  std::set<ObjectKey> services;  // whose own object or slices differ
  // Among them, one whose slices differ and have, or had, a UDP port.
  bool udp_endpoints = false;
};

class ObjectMirror {
 public:
  // Makes the mirror say what `cluster` says.
  ObjectChanges adopt(const Cluster& cluster);

  // Nothing for one that is gone.
  const Service* service(const ObjectKey& key) const;
  // In the order of their names; valid until the next adopt().
  std::vector<const EndpointSlice*> slices_of(const ObjectKey& service) const;
  const std::map<ObjectKey, Service>& services() const { return services_; }

 private:
  bool has_udp_port(const ObjectKey& service) const;

  std::map<ObjectKey, Service> services_;
  std::map<ObjectKey, EndpointSlice> slices_;
  std::map<ObjectKey, std::set<ObjectKey>> slices_of_;  // by service
};

}  // namespace kubeproof::control
