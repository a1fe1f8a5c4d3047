// Whether the endpoints of any service with UDP ports changed, which is when kube-proxy looks for
// UDP flows that lead nowhere (pkg/proxy/endpointschangetracker.go; each family has a tracker of
// its own). What counts is what a slice says of endpoints, whether a Service goes with it or not:
// all of it, also what changes nothing about where packets go.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "datapath/control/endpoint_sets.h"
#include "datapath/control/release.h"
#include "model/cluster/cluster.h"

namespace kubeproof::control {

class EndpointWatch {
 public:
  // Takes note of all slices of one service. Told are the families in which endpoints of it
  // differ from what they were, if it has UDP ports, or had them.
  std::set<Family> note(const ObjectKey& service, const std::vector<const EndpointSlice*>& slices,
                        const NodePlace& node, const Release& release);

 private:
  struct Seen {
    uint64_t digest = 0;  // of all ports and endpoints
    bool has_udp = false;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  using SeenOfService = std::map<Family, Seen>;

  std::map<ObjectKey, SeenOfService> services_;
};

}  // namespace kubeproof::control
