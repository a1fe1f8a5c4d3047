// Options that the kernel reads, writes into or refuses, drawn: right ones, full ones, and such
// whose lengths and pointers lie.
#pragma once

#include <vector>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "replay/explore/random.h"

namespace kubeproof::explore {

// One to three; each with its type and, unless it is a single byte, its length. Of IPv4 they may be
// more than a header holds, of IPv6 they are for every hop.
std::vector<Bytes> draw_options(Random& random, Family family);

}  // namespace kubeproof::explore
