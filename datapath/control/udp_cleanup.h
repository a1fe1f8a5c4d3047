// UDP has no end of a flow: a client that keeps sending would stay on an endpoint that is gone for
// ever. After endpoints changed, kube-proxy therefore forgets the UDP flows to services that no
// longer lead to an endpoint of theirs (pkg/proxy/conntrack/cleanup.go). So does this, with its
// edges: services without any serving endpoint keep their flows, and a node port number ends flows
// whatever address they went to.
#pragma once

#include "datapath/bpf/flow_abi.h"
#include "datapath/control/release.h"
#include "datapath/control/service_table.h"

namespace kubeproof::control {

// `tuple` of the flow's first packet.
bool is_stale_udp_flow(const ServiceTable& table, const abi::tuple& tuple, const abi::flow& flow,
                       const Release& release);

}  // namespace kubeproof::control
