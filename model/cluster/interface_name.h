// Names of network interfaces.
#pragma once

#include <string_view>

namespace kubeproof {

// What the kernel takes for one (net/core/dev.c dev_valid_name()).
bool is_interface_name(std::string_view name);

}  // namespace kubeproof
