// The sysctls that kube-proxy sets when it starts, as far as packets notice.
#pragma once

#include "model/cluster/proxy_config.h"
#include "model/node/world.h"
#include "model/proxier/node_identity.h"
#include "model/result.h"

namespace kubeproof::proxier {

// route_localnet is set to 1 where NodePorts answer on localhost and else left at 0;
// nf_conntrack_tcp_be_liberal likewise for conntrack.tcpBeLiberal. Timeouts of conntrack that are
// not to be set have the kernel's defaults (nf_conntrack_proto_tcp.c, nf_conntrack_proto_udp.c).
Result<Sysctls> sysctls_after_start(const ProxyConfig& config, const NodeIdentity& node);

}  // namespace kubeproof::proxier
