// For which addresses the kernel lets packets in, and what each of them is to it.
#pragma once

#include <map>

#include "datapath/bpf/config_abi.h"
#include "model/node/world.h"

namespace kubeproof::control {

using LocalAddresses = std::map<IpAddress, abi::local_address>;

// Whether node ports answer there is not said.
LocalAddresses local_addresses(const World& world);

// Beside those to the addresses of interfaces.
bool has_further_local_routes(const World& world, Family family);

}  // namespace kubeproof::control
