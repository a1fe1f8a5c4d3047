// The kernel's settings of the network namespace that the calling thread is in.
#pragma once

#include <string>
#include <string_view>

#include "model/result.h"

namespace kubeproof {

enum class SysctlNeed {
  kRequired,
  kWhereKnown,  // the kernel may be too old to have it, or built without
};

// `name` as below /proc/sys/net: "ipv4/ip_forward".
Result<void> write_sysctl(std::string_view name, std::string_view value,
                          SysctlNeed need = SysctlNeed::kRequired);
Result<std::string> read_sysctl(std::string_view name);

}  // namespace kubeproof
