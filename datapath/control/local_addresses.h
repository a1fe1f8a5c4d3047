// For which addresses the kernel lets packets in, and what each of them is to it.
#pragma once

#include <map>

#include "datapath/bpf/config_abi.h"
#include "model/node/world.h"

namespace kubeproof::control {

using LocalAddresses = std::map<IpAddress, abi::local_address>;
using LocalPrefixes = std::map<Cidr, abi::local_address>;

// One by one. Whether node ports answer there neither this says nor the next.
LocalAddresses local_addresses(const World& world);

// What routes make local as a whole, and the prefixes in it that they lead elsewhere: the longest
// one that holds an address tells, unless the address is among those above.
LocalPrefixes local_prefixes(const World& world);

// Beside those to the addresses of interfaces.
bool has_further_local_routes(const World& world, Family family);

}  // namespace kubeproof::control
