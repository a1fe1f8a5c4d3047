// What the stack refuses because of IPv6 options that are for every hop.
#pragma once

#include <optional>

#include "model/node/ip_stack.h"

namespace kubeproof {

// net/ipv6/exthdrs.c ipv6_parse_hopopts(): lengths, padding, and options that the node does not
// know and that ask for being refused. `packet` holds as many bytes as its header says.
std::optional<StackFailure> refuse_hop_by_hop_options(ByteView packet);

}  // namespace kubeproof
