// Which of the node's addresses the kernel may give to a packet that leaves through an interface:
// inet_select_addr() (net/ipv4/devinet.c) and RFC 6724 (net/ipv6/addrconf.c, ipv6_dev_get_saddr()).
// The choice among the candidates depends on the destination and is the programs'.
#pragma once

#include <cstddef>

#include "datapath/bpf/config_abi.h"
#include "model/node/world.h"

namespace kubeproof::control {

// The interface's own primary addresses in their order, then those of the other interfaces that
// would stand in where it has none, or none but deprecated ones; in IPv6, where there is none of
// these either, even ::1 and what is of another link. Returns how many there are, be it
// more than there is room for.
size_t fill_source_candidates(const World& world, const Interface& out, Family family,
                              abi::source_candidate (&candidates)[SOURCE_CANDIDATES]);

}  // namespace kubeproof::control
