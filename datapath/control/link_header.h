// What an interface puts ahead of IP: an Ethernet header, or, as tunnels and TUN devices do,
// nothing.
#pragma once

#include <cstdint>

#include "model/result.h"

namespace kubeproof::control {

// In bytes. In the network namespace of the calling thread.
Result<uint32_t> link_header_length(uint32_t interface);

}  // namespace kubeproof::control
