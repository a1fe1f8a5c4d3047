// What people call an IP protocol, in reports and in cases.
#pragma once

#include <cstdint>
#include <string>

namespace kubeproof {

// "TCP", "ICMPv6", or "protocol 47".
std::string protocol_name(uint8_t protocol);

}  // namespace kubeproof
