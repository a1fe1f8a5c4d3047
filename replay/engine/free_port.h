// Puts a port into a permitted emission that left it open.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/packet/bytes.h"

namespace kubeproof {

// `at` as in FreePort::packet_offset. The checksum follows as it does in NAT: one that was wrong
// stays wrong, none stays none.
void substitute_port(MutableByteView packet, size_t at, uint16_t port);

}  // namespace kubeproof
