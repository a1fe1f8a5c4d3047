// The services and slices as control last saw them, so that the next snapshot is read only where it
// differs. Comparing two snapshots is a walk over both, side by side; all that follows of it costs
// according to the change.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "model/cluster/cluster.h"

namespace kubeproof::control {

class ObjectMirror {
 public:
  // Makes the mirror say what `cluster` says. Told are the services whose own object or slices
  // differ.
  std::set<ObjectKey> adopt(const Cluster& cluster);

  // Nothing for one that is gone.
  const Service* service(const ObjectKey& key) const;
  // In the order of their names; valid until the next adopt().
  std::vector<const EndpointSlice*> slices_of(const ObjectKey& service) const;
  const std::map<ObjectKey, Service>& services() const { return services_; }

 private:
  std::map<ObjectKey, Service> services_;
  std::map<ObjectKey, EndpointSlice> slices_;
  std::map<ObjectKey, std::set<ObjectKey>> slices_of_;  // by service
};

}  // namespace kubeproof::control
