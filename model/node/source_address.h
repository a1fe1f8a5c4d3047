// Which of its addresses the node gives a packet that has none yet.
#pragma once

#include <optional>

#include "model/node/world.h"

namespace kubeproof {

// net/ipv4/devinet.c inet_select_addr(): the first primary address of `out` whose subnet holds
// `next_hop` and whose scope is no narrower than `scope`, else the first such address of `out`,
// else of any interface. Without a next hop, the first.
std::optional<IpAddress> select_ipv4_source(const World& world, const Interface& out,
                                            std::optional<IpAddress> next_hop, AddressScope scope);

// net/ipv6/addrconf.c ipv6_dev_get_saddr(): RFC 6724 with the kernel's default labels. Left out:
// temporary and home addresses.
std::optional<IpAddress> select_ipv6_source(const World& world, const Interface& out,
                                            const IpAddress& destination);

}  // namespace kubeproof
