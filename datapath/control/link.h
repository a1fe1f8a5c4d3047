// What an interface's frames begin with.
#pragma once

#include <linux/if_ether.h>

#include <array>
#include <cstdint>

#include "model/result.h"

namespace kubeproof::control {

struct Link {
  uint32_t header_length = ETH_HLEN;  // 0 where it carries bare IP
  std::array<uint8_t, ETH_ALEN> address{};
};

// In the network namespace of the calling thread.
Result<Link> link_of(uint32_t interface);

}  // namespace kubeproof::control
